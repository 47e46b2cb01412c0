#pragma once

#define GENOFORM_VERSION_MAJOR 0
#define GENOFORM_VERSION_MINOR 1
#define GENOFORM_VERSION_PATCH 0

namespace genoform {

/// The version of the library, as "0.1.0".
inline constexpr const char* library_version = "0.1.0";

/// The version of texts and model folders that this library reads and writes (docs/formats/model.md, section 3).
inline constexpr const char* file_format = "genoform-1";

}  // namespace genoform
