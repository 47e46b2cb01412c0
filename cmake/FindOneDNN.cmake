# OneDNN::OneDNN from the header and the library: the system's (Debian's own package config insists on OpenCL headers),
# or those below GENOFORM_ONEDNN_ROOT, for example the unpacked PyPI wheels onednn-cpu-gomp and onednn-devel-cpu-gomp.
# Sets OneDNN_FOUND and OneDNN_VERSION.
if(GENOFORM_ONEDNN_ROOT)
  set(onednn_search PATHS ${GENOFORM_ONEDNN_ROOT} NO_DEFAULT_PATH)
endif()
find_path(OneDNN_INCLUDE_DIR oneapi/dnnl/dnnl.hpp PATH_SUFFIXES include ${onednn_search})
find_library(OneDNN_LIBRARY NAMES dnnl libdnnl.so.3 PATH_SUFFIXES lib ${onednn_search})
mark_as_advanced(OneDNN_INCLUDE_DIR OneDNN_LIBRARY)
unset(onednn_search)

if(OneDNN_INCLUDE_DIR)
  file(STRINGS ${OneDNN_INCLUDE_DIR}/oneapi/dnnl/dnnl_version.h onednn_lines REGEX "#define DNNL_VERSION_(MAJOR|MINOR|PATCH) +[0-9]+")
  list(TRANSFORM onednn_lines REPLACE ".* ([0-9]+).*" "\\1")
  list(JOIN onednn_lines "." OneDNN_VERSION)
  unset(onednn_lines)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(OneDNN REQUIRED_VARS OneDNN_LIBRARY OneDNN_INCLUDE_DIR VERSION_VAR OneDNN_VERSION)

if(OneDNN_FOUND AND NOT TARGET OneDNN::OneDNN)
  add_library(OneDNN::OneDNN UNKNOWN IMPORTED)
  set_target_properties(OneDNN::OneDNN PROPERTIES
    IMPORTED_LOCATION ${OneDNN_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${OneDNN_INCLUDE_DIR})
endif()
