# What our own programs and tests are compiled with; errors where the preset sets CMAKE_COMPILE_WARNING_AS_ERROR.
add_library(genoform_warnings INTERFACE)
target_compile_options(genoform_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion)
