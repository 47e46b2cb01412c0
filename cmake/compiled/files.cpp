// Reading texts, and reading and writing the files of model folders.
#define GENOFORM_COMPILE_FILES
#include "genoform/data/corpus.hpp"
#include "genoform/io/config_json.hpp"
#include "genoform/io/safetensors_json.hpp"
