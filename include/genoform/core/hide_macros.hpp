// Macros of other headers that are names here: None and Status of X11, I of <complex.h>, min and near of <windows.h>, slots and
// emit of Qt, check of macOS, single letters of many. A header with such names includes this file after its other includes and
// restore_macros.hpp at its end, so that the program keeps its macros. A new name is added in all three lists.
#if defined(A) || defined(B) || defined(C) || defined(D) || defined(E) || defined(F) || defined(G) || defined(H) ||            \
    defined(I) || defined(J) || defined(K) || defined(L) || defined(M) || defined(N) || defined(O) || defined(P) ||            \
    defined(Q) || defined(R) || defined(S) || defined(T) || defined(U) || defined(V) || defined(W) || defined(X) ||            \
    defined(Y) || defined(Z) || defined(Always) || defined(BOOL) || defined(Bool) || defined(None) || defined(Status) ||       \
    defined(Success) || defined(check) || defined(emit) || defined(far) || defined(index) || defined(major) || defined(max) || \
    defined(min) || defined(minor) || defined(near) || defined(require) || defined(signals) || defined(slots) ||               \
    defined(small) || defined(verify)
#define GENOFORM_HIDES_MACROS
#pragma push_macro("A")
#pragma push_macro("B")
#pragma push_macro("C")
#pragma push_macro("D")
#pragma push_macro("E")
#pragma push_macro("F")
#pragma push_macro("G")
#pragma push_macro("H")
#pragma push_macro("I")
#pragma push_macro("J")
#pragma push_macro("K")
#pragma push_macro("L")
#pragma push_macro("M")
#pragma push_macro("N")
#pragma push_macro("O")
#pragma push_macro("P")
#pragma push_macro("Q")
#pragma push_macro("R")
#pragma push_macro("S")
#pragma push_macro("T")
#pragma push_macro("U")
#pragma push_macro("V")
#pragma push_macro("W")
#pragma push_macro("X")
#pragma push_macro("Y")
#pragma push_macro("Z")
#pragma push_macro("Always")
#pragma push_macro("BOOL")
#pragma push_macro("Bool")
#pragma push_macro("None")
#pragma push_macro("Status")
#pragma push_macro("Success")
#pragma push_macro("check")
#pragma push_macro("emit")
#pragma push_macro("far")
#pragma push_macro("index")
#pragma push_macro("major")
#pragma push_macro("max")
#pragma push_macro("min")
#pragma push_macro("minor")
#pragma push_macro("near")
#pragma push_macro("require")
#pragma push_macro("signals")
#pragma push_macro("slots")
#pragma push_macro("small")
#pragma push_macro("verify")
#undef A
#undef B
#undef C
#undef D
#undef E
#undef F
#undef G
#undef H
#undef I
#undef J
#undef K
#undef L
#undef M
#undef N
#undef O
#undef P
#undef Q
#undef R
#undef S
#undef T
#undef U
#undef V
#undef W
#undef X
#undef Y
#undef Z
#undef Always
#undef BOOL
#undef Bool
#undef None
#undef Status
#undef Success
#undef check
#undef emit
#undef far
#undef index
#undef major
#undef max
#undef min
#undef minor
#undef near
#undef require
#undef signals
#undef slots
#undef small
#undef verify
#endif
