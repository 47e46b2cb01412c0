// Reading and writing the JSON of model folders.
#include "genoform/io/config_json.hpp"
#include "genoform/io/safetensors_json.hpp"
