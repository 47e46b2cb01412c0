// What headers of platforms and frameworks define, and more of the same sort: words of X11, <complex.h>, <windows.h>, Qt and
// macOS, and all capital letters. Included before every header of the library; what is behind them finds these macros again.
#define None 0L
#define Always 2
#define Bool int
#define Status int
#define Success 0
#define BOOL int
#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define small char
#define near
#define far
#define index(string, letter) strchr(string, letter)
#define major(device) ((device) >> 8)
#define minor(device) ((device)&255)
#define slots
#define signals public
#define emit
#define check(condition) ((void)(condition))
#define require(condition, label) ((void)(condition))
#define verify(condition) ((void)(condition))
#define A 0xA
#define B 0xB
#define C 0xC
#define D 0xD
#define E 0xE
#define F(text) (text)
#define G 1
#define H 1
#define I (__extension__ 1.0iF)
#define J 1
#define K 1
#define L 1
#define M 1
#define N 1
#define O 1
#define P 1
#define Q 1
#define R 1
#define S 1
#define T 1
#define U 1
#define V 1
#define W 1
#define X 1
#define Y 1
#define Z 1
