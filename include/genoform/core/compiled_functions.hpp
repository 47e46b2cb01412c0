#pragma once

/// Functions that take long to compile have their bodies in headers of their own. They are inline, except in programs that link
/// genoform::compiled (GENOFORM_COMPILED): those see the declarations alone and find the code in the archive.
#ifdef GENOFORM_COMPILED
#define GENOFORM_INLINE
#else
#define GENOFORM_INLINE inline
#endif
