#pragma once

/// Functions that take long to compile have bodies that a program may find in an archive. They are inline in a program with
/// headers alone; one that links genoform::compiled or genoform::compiled_search sees their declarations only.
///   GENOFORM_INLINE         files of texts and models; their bodies stand between `#if GENOFORM_FILE_BODIES` and `#endif`, or,
///                           where they need nlohmann-json, in headers of their own (docs/compile_time.md)
///   GENOFORM_SEARCH_INLINE  the search; their bodies stand between `#if GENOFORM_SEARCH_BODIES` and `#endif`
#ifdef GENOFORM_COMPILED
#define GENOFORM_INLINE
#else
#define GENOFORM_INLINE inline
#endif
#if defined(GENOFORM_COMPILED) && !defined(GENOFORM_COMPILE_FILES)
#define GENOFORM_FILE_BODIES 0
#else
#define GENOFORM_FILE_BODIES 1
#endif

#ifdef GENOFORM_COMPILED_SEARCH
#define GENOFORM_SEARCH_INLINE
#else
#define GENOFORM_SEARCH_INLINE inline
#endif
#if defined(GENOFORM_COMPILED_SEARCH) && !defined(GENOFORM_COMPILE_SEARCH)
#define GENOFORM_SEARCH_BODIES 0
#else
#define GENOFORM_SEARCH_BODIES 1
#endif
