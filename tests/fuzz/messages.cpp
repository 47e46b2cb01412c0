// clang++ -std=c++20 -Iinclude -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all tests/fuzz/messages.cpp
#include <genoform/search/workers/worker.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

namespace {

using namespace genoform;
using namespace genoform::search;

class Idle : public Evaluator {
 public:
  TrainReply train(const TrainRequest&) override { return {}; }
};

/// A coordinator that is sent these messages understands them or throws Exception.
template <class Decode>
void decode(const Decode& decode_message) {
  try {
    decode_message();
  } catch (const Exception& error) {
    if (std::string_view(error.what()).find('\n') != std::string_view::npos) std::abort();
  }
}

}  // namespace

/// A worker that is sent any bytes answers each line with a message of the protocol, and a coordinator takes what is one.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) std::abort();
  if (size > 0 && ::write(ends[0], data, size) != static_cast<ssize_t>(size)) std::abort();
  ::shutdown(ends[0], SHUT_WR);
  run_worker(ends[1], [](const nlohmann::json&) { return std::make_unique<Idle>(); });
  ::close(ends[1]);
  Channel replies(ends[0]);
  nlohmann::json reply;
  for (;;) {
    const Channel::Read read = replies.receive(reply);
    if (read == Channel::Read::closed) break;
    if (read != Channel::Read::line) std::abort();
  }
  ::close(ends[0]);

  const auto message = nlohmann::json::parse(data, data + size, nullptr, false);
  decode([&] { static_cast<void>(decode_greeting(std::string(reinterpret_cast<const char*>(data), size))); });
  decode([&] { static_cast<void>(decode_setup_answer(message)); });
  decode([&] { static_cast<void>(decode_file_piece(message)); });
  decode([&] { static_cast<void>(decode_piece(message)); });
  decode([&] { static_cast<void>(decode_request(message)); });
  decode([&] { static_cast<void>(decode_reply(message, TrainRequest{})); });
  decode([&] { static_cast<void>(decode_reply(message, FinalRequest{})); });
  decode([&] { static_cast<void>(decode_reply(message, TimeRequest{})); });
  return 0;
}
