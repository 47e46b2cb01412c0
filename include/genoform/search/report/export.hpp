#pragma once
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

#include "genoform/core/result.hpp"
#include "genoform/io/standard_descriptors.hpp"
#include "genoform/search/report/report.hpp"
#include "genoform/search/store/store.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

namespace project {

inline constexpr const char* cmake_lists = R"(cmake_minimum_required(VERSION 3.25)
project(winner CXX)

find_package(genoform CONFIG REQUIRED COMPONENTS cpu)

add_executable(winner main.cpp)
target_link_libraries(winner PRIVATE genoform::cpu)
)";

inline constexpr const char* main_cpp =
    R"(// Loads the weights and says how well they predict a text: winner [MODEL-FOLDER [TEXT-FILE-OR-FOLDER]]
#include <genoform/backend/cpu.hpp>
#include <genoform/genoform.hpp>
#include <genoform/model/model.hpp>
#include <genoform/train.hpp>

#include <cstdio>
#include <exception>
#include <numbers>
#include <string>

#include "winner.hpp"

int main(int argc, char** argv) try {
  using namespace genoform;
  Model<Winner, Cpu> model;
  load(model, std::string(argc > 1 ? argv[1] : "model")).value();
  std::printf("%zu parameters\n", model.parameters().size());
  if (argc > 2) {
    const Corpus corpus = Corpus::from_file(argv[2]);
    Evaluation<Cpu> evaluation(model, decoder_of<Winner>.context, 512);
    const double nats = evaluation.nats(corpus.test());
    std::printf("%.4f bits per byte on the test part of %s\n", nats / std::numbers::ln2 / corpus.bytes_per_token(), argv[2]);
  }
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 3;
}
)";

inline void write(const std::filesystem::path& path, const std::string& bytes) {
  io::occupy_standard_descriptors();
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) throw Exception({ErrorKind::resources, path.string() + ": cannot be written; is the disk full?"});
}

}  // namespace project

/// Writes a CMake project into a folder, which must not exist or be empty: winner.hpp with the type, main.cpp, and model/ with
/// the weights that the final left. Throws Exception when the study has had no final.
inline void export_winner(const Store& store, const Standing& winner, const std::string& folder) {
  const auto file = [&](const char* name) {
    const auto bytes = store.file(std::to_string(winner.finalist.trial) + "/" + name);
    if (!bytes)
      throw Exception({ErrorKind::input, "the study has no weights of " + winner.finalist.name +
                                             " yet; genoform search --resume goes on to its final"});
    return *bytes;
  };
  const std::string config = file("config.json"), weights = file("model.safetensors");
  const std::filesystem::path root = folder;
  std::error_code failed;
  if (std::filesystem::exists(root, failed) && !std::filesystem::is_empty(root, failed))
    throw Exception({ErrorKind::input, folder + ": exists and is not empty; take another --export"});
  std::filesystem::create_directories(root / "model", failed);
  if (failed) throw Exception({ErrorKind::resources, folder + ": cannot be made: " + failed.message()});
  project::write(root / "winner.hpp",
                 "#pragma once\n#include <genoform/genoform.hpp>\n\nnamespace winner {\n\nusing namespace genoform;\n\n"
                 "/// " +
                     winner.finalist.name + ".\nusing Winner = " + winner.finalist.text +
                     ";\n\n}  // namespace winner\n\nusing winner::Winner;\n");
  project::write(root / "main.cpp", project::main_cpp);
  project::write(root / "CMakeLists.txt", project::cmake_lists);
  project::write(root / "model" / "config.json", config);
  project::write(root / "model" / "model.safetensors", weights);
}

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
