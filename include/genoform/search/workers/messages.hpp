#pragma once
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "genoform/core/compiled_functions.hpp"
#include "genoform/core/result.hpp"
#include "genoform/io/json_fields.hpp"
#include "genoform/io/quote.hpp"
#include "genoform/search/evaluator/requests.hpp"
#include "genoform/search/json.hpp"
#include "genoform/search/workers/base64.hpp"

#include "genoform/core/hide_macros.hpp"

/// How the requests of a coordinator and the answers of its workers look on the wire: encode() and decode_*() below are the only
/// code that knows.
namespace genoform::search {

/// A request with the number of its job, and what came of it.
struct JobRequest {
  int job = 0;
  Request request;
};
struct JobReply {
  int job = 0;
  Result<Answer> answer;
};

/// {"job": 7, "train": {...}}
GENOFORM_SEARCH_INLINE nlohmann::json encode(const JobRequest& r);
/// Throws Exception (input) that says what is wrong with the message.
GENOFORM_SEARCH_INLINE JobRequest decode_request(const nlohmann::json& message);

/// {"job": 7, "answer": {...}} or {"job": 7, "error": {"message": ..., "kind": ...}}
GENOFORM_SEARCH_INLINE nlohmann::json encode(const JobReply& r);
/// The reply to a request. Throws Exception (input) when it is none.
GENOFORM_SEARCH_INLINE JobReply decode_reply(const nlohmann::json& message, const Request& request);

/// The first message of a worker: which versions it has, and on which machine it runs (machine_identity()).
struct Greeting {
  int protocol = 0;
  std::string library, machine;

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("protocol", self.protocol);
    visit("library", self.library);
    visit("machine", self.machine);
  }
};

/// {"genoform worker": {"protocol": 3, "library": "0.1.0", "machine": "..."}}
GENOFORM_SEARCH_INLINE nlohmann::json encode(const Greeting& greeting);
/// None when the line is no greeting: what a host prints before the worker starts. Other versions may have other fields.
GENOFORM_SEARCH_INLINE std::optional<Greeting> decode_greeting(const std::string& line);

/// The first message to a worker, with what its evaluator is made from.
GENOFORM_SEARCH_INLINE nlohmann::json encode_setup(const nlohmann::json& setup);

/// A worker asks for the text from a byte on, and the answer: {"want": 1048576}, {"piece": "<base64>"}.
struct Want {
  std::uint64_t first = 0;
};
GENOFORM_SEARCH_INLINE nlohmann::json encode(const Want& want);
GENOFORM_SEARCH_INLINE nlohmann::json encode_piece(std::string_view bytes);
/// Throws Exception (input) when the message is no piece.
GENOFORM_SEARCH_INLINE std::string decode_piece(const nlohmann::json& message);

/// What a worker answers to the setup: a question, that it is ready, or why it has no evaluator.
struct Ready {};
GENOFORM_SEARCH_INLINE nlohmann::json encode(Ready ready);
GENOFORM_SEARCH_INLINE nlohmann::json encode_setup_error(const Error& error);
/// Throws Exception (input) when the message is none of them.
GENOFORM_SEARCH_INLINE std::variant<Want, Ready, Error> decode_setup_answer(const nlohmann::json& message);

/// A piece of a file that a finalist left, sent before the reply: {"job": 7, "file": {"name": "config.json", "piece":
/// "<base64>"}}.
struct FilePiece {
  int job = 0;
  std::string name, bytes;
};
GENOFORM_SEARCH_INLINE nlohmann::json encode(const FilePiece& piece);
/// None when the message is something else. Throws Exception (input) when it is damaged; the name is that of a file, not a path.
GENOFORM_SEARCH_INLINE std::optional<FilePiece> decode_file_piece(const nlohmann::json& message);

#if GENOFORM_SEARCH_BODIES

namespace messages {

struct WireError {
  std::string message;
  int kind = 0;

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("message", self.message);
    visit("kind", self.kind);
  }
};

inline bool has_text(const nlohmann::json& body, const char* key) {
  return body.is_object() && body.contains(key) && body.at(key).is_string();
}

[[noreturn]] inline void refuse(const std::string& what) { throw Exception({ErrorKind::input, what}); }

/// The job of a message, and that it has one other member, which is returned.
inline nlohmann::json::const_iterator body_of(const nlohmann::json& message, const char* what, int& job) {
  if (!message.is_object() || message.size() != 2 || !message.contains("job"))
    refuse(std::string(what) + ": needs \"job\" and one thing beside it");
  job = from_json<int>(message.at("job"), std::string(what) + ", \"job\":");
  auto body = message.begin();
  return body.key() == "job" ? std::next(body) : body;
}

template <std::size_t I = 0>
Request request_of(const std::string& name, const nlohmann::json& body) {
  if constexpr (I == std::variant_size_v<Request>) {
    refuse("request: unknown kind \"" + name + "\"");
  } else {
    using R = std::variant_alternative_t<I, Request>;
    return name == R::name ? Request(from_json<R>(body, name + " request")) : request_of<I + 1>(name, body);
  }
}

inline nlohmann::json wire_error(const Error& error) {
  return json_of(WireError{error.message, static_cast<int>(error.error_kind)});
}
inline Error error_of(const nlohmann::json& body) {
  const WireError e = from_json<WireError>(body, "error");
  const bool known = e.kind >= static_cast<int>(ErrorKind::usage) && e.kind <= static_cast<int>(ErrorKind::not_finite);
  return {known ? static_cast<ErrorKind>(e.kind) : ErrorKind::input, e.message};
}

}  // namespace messages

GENOFORM_SEARCH_INLINE nlohmann::json encode(const JobRequest& r) {
  return std::visit(
      [&](const auto& request) {
        return nlohmann::json{{"job", r.job}, {std::string(request.name), json_of(request)}};
      },
      r.request);
}
GENOFORM_SEARCH_INLINE JobRequest decode_request(const nlohmann::json& message) {
  JobRequest r;
  const auto body = messages::body_of(message, "request", r.job);
  r.request = messages::request_of(body.key(), body.value());
  return r;
}

GENOFORM_SEARCH_INLINE nlohmann::json encode(const JobReply& r) {
  if (!r.answer) return {{"job", r.job}, {"error", messages::wire_error(r.answer.error())}};
  return std::visit([&](const auto& answer) { return nlohmann::json{{"job", r.job}, {"answer", json_of(answer)}}; }, *r.answer);
}
GENOFORM_SEARCH_INLINE JobReply decode_reply(const nlohmann::json& message, const Request& request) {
  int job = 0;
  const auto body = messages::body_of(message, "reply", job);
  if (body.key() == "error") return {job, messages::error_of(body.value())};
  if (body.key() != "answer") messages::refuse("reply: unknown \"" + body.key() + "\"");
  return std::visit(
      [&](const auto& asked) -> JobReply {
        using Asked = std::remove_cvref_t<decltype(asked)>;
        const auto answer = from_json<typename Asked::Reply>(body.value(), std::string(Asked::name) + " reply");
        if (const std::string problem = answer.problem(); !problem.empty())
          messages::refuse(std::string(Asked::name) + " reply: " + problem);
        return {job, Answer(answer)};
      },
      request);
}

GENOFORM_SEARCH_INLINE nlohmann::json encode(const Greeting& greeting) { return {{"genoform worker", json_of(greeting)}}; }
GENOFORM_SEARCH_INLINE std::optional<Greeting> decode_greeting(const std::string& line) {
  if (line.find("\"genoform worker\"") == std::string::npos) return std::nullopt;  // most of what hosts print
  const auto message = nlohmann::json::parse(line, nullptr, false);
  if (!message.is_object() || !message.contains("genoform worker")) return std::nullopt;
  const nlohmann::json& body = message.at("genoform worker");
  if (!body.is_object() || !body.contains("protocol") || !body.at("protocol").is_number_integer()) return std::nullopt;
  const auto text = [&](const char* key) {
    return messages::has_text(body, key) ? body.at(key).get<std::string>() : std::string("unknown");
  };
  return Greeting{from_json<int>(body.at("protocol"), "protocol"), text("library"), text("machine")};
}

GENOFORM_SEARCH_INLINE nlohmann::json encode_setup(const nlohmann::json& setup) { return {{"setup", setup}}; }

GENOFORM_SEARCH_INLINE nlohmann::json encode(const Want& want) { return {{"want", want.first}}; }
GENOFORM_SEARCH_INLINE nlohmann::json encode_piece(std::string_view bytes) { return {{"piece", base64::encode(bytes)}}; }
GENOFORM_SEARCH_INLINE std::string decode_piece(const nlohmann::json& message) {
  const bool is_piece = message.size() == 1 && messages::has_text(message, "piece");
  const auto bytes = is_piece ? base64::decode(message.at("piece").get_ref<const std::string&>()) : std::nullopt;
  if (!bytes) messages::refuse("the answer to a question for the text must be a \"piece\" in base64");
  return *bytes;
}

GENOFORM_SEARCH_INLINE nlohmann::json encode(Ready) { return {{"ready", true}}; }
GENOFORM_SEARCH_INLINE nlohmann::json encode_setup_error(const Error& error) { return {{"error", messages::wire_error(error)}}; }
GENOFORM_SEARCH_INLINE std::variant<Want, Ready, Error> decode_setup_answer(const nlohmann::json& message) {
  if (message.is_object() && message.size() == 1) {
    if (message.contains("error")) return messages::error_of(message.at("error"));
    if (message.contains("want")) return Want{from_json<std::uint64_t>(message.at("want"), "want")};
    if (message.contains("ready") && message.at("ready") == true) return Ready{};
  }
  messages::refuse("a worker that starts must say \"want\", \"ready\" or \"error\"");
}

GENOFORM_SEARCH_INLINE nlohmann::json encode(const FilePiece& piece) {
  return {{"job", piece.job}, {"file", {{"name", piece.name}, {"piece", base64::encode(piece.bytes)}}}};
}
GENOFORM_SEARCH_INLINE std::optional<FilePiece> decode_file_piece(const nlohmann::json& message) {
  if (!message.is_object() || !message.contains("file")) return std::nullopt;
  FilePiece piece;
  const nlohmann::json& file = messages::body_of(message, "file", piece.job).value();
  if (!messages::has_text(file, "name") || !messages::has_text(file, "piece") || file.size() != 2)
    messages::refuse("file: needs \"name\" and \"piece\"");
  piece.name = file.at("name");
  if (piece.name.empty() || piece.name.front() == '.' || piece.name.find_first_of(std::string("/\0", 2)) != std::string::npos)
    messages::refuse("file: " + in_quotes(piece.name) + " is no name of a file");
  auto bytes = base64::decode(file.at("piece").get_ref<const std::string&>());
  if (!bytes) messages::refuse("file: its piece is not in base64");
  piece.bytes = *std::move(bytes);
  return piece;
}

#endif

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
