#pragma once
#include <cstddef>
#include <iterator>
#include <string>
#include <type_traits>
#include <variant>

#include "genoform/core/compiled_functions.hpp"
#include "genoform/core/result.hpp"
#include "genoform/io/json_fields.hpp"
#include "genoform/search/evaluator/requests.hpp"
#include "genoform/search/json.hpp"

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

/// The first message to a worker, with what its evaluator is made from, and the worker's answer when it is ready or cannot be.
GENOFORM_SEARCH_INLINE nlohmann::json encode_setup(const nlohmann::json& setup);
GENOFORM_SEARCH_INLINE nlohmann::json encode_ready(int protocol);
GENOFORM_SEARCH_INLINE nlohmann::json encode_setup_error(const Error& error);
/// The version of the protocol that the worker speaks, or why it has no evaluator. Throws Exception when the message is neither.
GENOFORM_SEARCH_INLINE Result<int> decode_ready(const nlohmann::json& message);

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

GENOFORM_SEARCH_INLINE nlohmann::json encode_setup(const nlohmann::json& setup) { return {{"setup", setup}}; }
GENOFORM_SEARCH_INLINE nlohmann::json encode_ready(int protocol) { return {{"ready", protocol}}; }
GENOFORM_SEARCH_INLINE nlohmann::json encode_setup_error(const Error& error) { return {{"error", messages::wire_error(error)}}; }
GENOFORM_SEARCH_INLINE Result<int> decode_ready(const nlohmann::json& message) {
  if (message.is_object() && message.size() == 1) {
    if (message.contains("error")) return messages::error_of(message.at("error"));
    if (message.contains("ready")) return from_json<int>(message.at("ready"), "ready");
  }
  messages::refuse("a worker that starts must say \"ready\" or \"error\"");
}

#endif

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
