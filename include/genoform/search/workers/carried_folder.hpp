#pragma once
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

#include "genoform/core/result.hpp"
#include "genoform/search/workers/messages.hpp"
#include "genoform/search/workers/protocol.hpp"
#include "genoform/search/workers/text_supply.hpp"

namespace genoform::search {

/// The folder of a finalist on its way from the worker, which may run elsewhere, to the coordinator.
namespace carried_folder {

/// The files of a folder, in pieces; false when the other end is gone. Throws Exception when one cannot be read.
inline bool send(Channel& channel, int job, const std::filesystem::path& folder) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    std::ifstream file(entry.path(), std::ios::binary);
    FilePiece piece{.job = job, .name = entry.path().filename().string(), .bytes = {}};
    do {
      piece.bytes.resize(max_piece);
      file.read(piece.bytes.data(), static_cast<std::streamsize>(max_piece));
      piece.bytes.resize(static_cast<std::size_t>(file.gcount()));
      if (file.bad() || (!file && !file.eof()))
        throw Exception({ErrorKind::resources, entry.path().string() + ": cannot be read"});
      if (!channel.send(encode(piece))) return false;
    } while (file);
  }
  if (error) throw Exception({ErrorKind::resources, folder.string() + ": " + error.message()});
  return true;
}

/// Forgets what an attempt before left.
inline void begin(const std::filesystem::path& folder) {
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
}

/// Adds a piece to its file. Throws Exception (resources).
inline void receive(const std::filesystem::path& folder, const FilePiece& piece) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  std::ofstream file(folder / piece.name, std::ios::binary | std::ios::app);
  file.write(piece.bytes.data(), static_cast<std::streamsize>(piece.bytes.size()));
  file.close();
  if (!file) throw Exception({ErrorKind::resources, (folder / piece.name).string() + ": cannot be written"});
}

}  // namespace carried_folder

}  // namespace genoform::search
