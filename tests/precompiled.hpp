#pragma once
/// What most tests include, parsed once for all of them: the standard library's large headers, Catch2, and the library's.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "genoform/backend/cpu.hpp"
#include "genoform/backend/reference.hpp"
#include "genoform/genoform.hpp"
#include "genoform/model/model.hpp"
#include "genoform/model/module.hpp"
#include "genoform/registry/kinds.hpp"
#include "genoform/train.hpp"
#include "genoform/train/load_model.hpp"
#include "tests/catch.hpp"
