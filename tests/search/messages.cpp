#include "genoform/search/workers/messages.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <variant>

#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;
using namespace genoform::search;

namespace {

TrainRequest request() {
  TrainRequest r;
  r.text = "Decoder<...>";
  r.learning_rate = 1.0 / 3;
  r.seed = std::numeric_limits<std::uint64_t>::max();
  r.steps = 12345678901;
  r.hurdles = {{.at = 0.125, .max_loss = 2.5}, {.at = 1.0 / 3, .max_loss = {}}};
  return r;
}

std::string why(const nlohmann::json& message) {
  try {
    (void)decode_request(message);
  } catch (const Exception& error) { return error.what(); }
  return "";
}

}  // namespace

TEST_CASE("a request and its reply come off the wire as they went on it") {
  const JobRequest back = decode_request(nlohmann::json::parse(encode(JobRequest{7, request()}).dump()));
  CHECK(back.job == 7);
  const auto& r = std::get<TrainRequest>(back.request);
  CHECK(r.text == request().text);
  CHECK(r.learning_rate == request().learning_rate);
  CHECK(r.seed == request().seed);
  CHECK(r.steps == request().steps);
  REQUIRE(r.hurdles.size() == 2);
  CHECK(r.hurdles[0].at == 0.125);
  CHECK(r.hurdles[0].max_loss == 2.5);
  CHECK(r.hurdles[1].at == 1.0 / 3);
  CHECK_FALSE(r.hurdles[1].max_loss.has_value());
  CHECK_FALSE(r.max_step_seconds.has_value());
  TrainReply reply;
  reply.loss = 0.1 + 1e-17;
  const JobReply answer = decode_reply(nlohmann::json::parse(encode(JobReply{7, Answer(reply)}).dump()), back.request);
  CHECK(std::get<TrainReply>(*answer.answer).loss == reply.loss);
  const JobReply error = decode_reply(encode(JobReply{7, Error{ErrorKind::not_finite, "a tensor"}}), back.request);
  CHECK(error.answer.error().error_kind == ErrorKind::not_finite);
  CHECK(error.answer.error().message == "a tensor");
}

TEST_CASE("a message that is not as it should be is refused with what is wrong") {
  const nlohmann::json good = encode(JobRequest{7, request()});
  CHECK(why(good).empty());
  nlohmann::json bad = good;
  bad["train"].erase("seed");
  CHECK(why(bad) == "train request: \"seed\" is missing");
  bad = good;
  bad["train"]["sead"] = 1;
  CHECK(why(bad).find("train request: unknown \"sead\"; it has text, learning_rate") == 0);
  bad = good;
  bad["train"]["steps"] = "many";
  CHECK(why(bad) == "train request, \"steps\": must be an integer, not \"many\"");
  bad = good;
  bad["train"]["seed"] = -1;
  CHECK(why(bad) == "train request, \"seed\": must be an integer of at least 0, not -1");
  bad = good;
  bad["train"]["learning_rate"] = nullptr;
  CHECK(why(bad).find("must be a number, not null") != std::string::npos);
  CHECK(why({{"job", 1}, {"sing", 2}}).find("unknown kind \"sing\"") != std::string::npos);
  CHECK(why({{"job", 1}}).find("one thing beside it") != std::string::npos);
  CHECK(why({{"job", std::int64_t{1} << 40}, {"train", good["train"]}}).find("\"job\"") != std::string::npos);
}

TEST_CASE("a reply must be of the kind that was asked for and hold a result") {
  const Request asked = request();
  const auto decode = [&](const nlohmann::json& answer) { return decode_reply({{"job", 1}, {"answer", answer}}, asked); };
  CHECK_THROWS_AS(decode(json_of(TimeReply{{1.0}})), Exception);
  CHECK_THROWS_AS(decode(json_of(TrainReply{})), Exception);
  TrainReply refused;
  refused.refusal = "step time";
  CHECK_NOTHROW(decode(json_of(refused)));
  CHECK_THROWS_AS(decode_reply(encode(JobReply{1, Answer(TimeReply{{0.0}})}), TimeRequest{}), Exception);
  CHECK_THROWS_AS(decode_setup_answer({{"worker", 1}}), Exception);
  CHECK_THROWS_AS(decode_setup_answer({{"ready", 1}}), Exception);
  CHECK(std::holds_alternative<Ready>(decode_setup_answer(encode(Ready{}))));
  CHECK(std::get<Want>(decode_setup_answer(encode(Want{5}))).first == 5);
  CHECK(std::get<Error>(decode_setup_answer(encode_setup_error({ErrorKind::input, "no text"}))).message == "no text");
}

TEST_CASE("a greeting is known among the lines that a host prints") {
  const Greeting greeting{.protocol = 3, .library = "1.2.3", .machine = "a \"machine\""};
  const auto back = decode_greeting(encode(greeting).dump() + "\r");
  REQUIRE(back.has_value());
  CHECK(back->protocol == 3);
  CHECK(back->library == "1.2.3");
  CHECK(back->machine == "a \"machine\"");
  for (const char* line : {"", "Welcome!", "{}", "[]", R"({"setup": {}})", R"({"genoform worker": 3})",
                           R"({"genoform worker": {"protocol": "3"}})", R"({"ready": 2})"})
    CHECK_FALSE(decode_greeting(line).has_value());
  // That of a version to come, whatever else it says.
  const auto newer = decode_greeting(R"({"genoform worker": {"protocol": 9, "library": 7, "colour": "red"}})");
  REQUIRE(newer.has_value());
  CHECK(newer->protocol == 9);
  CHECK(newer->library == "unknown");
}

TEST_CASE("a piece of a file comes off the wire as it went on it, and its name is no path") {
  const FilePiece piece{.job = 7, .name = "model.safetensors", .bytes = std::string("a\0b\xFF", 4)};
  const auto back = decode_file_piece(nlohmann::json::parse(encode(piece).dump()));
  REQUIRE(back.has_value());
  CHECK(back->job == 7);
  CHECK(back->name == piece.name);
  CHECK(back->bytes == piece.bytes);
  CHECK_FALSE(decode_file_piece(encode(JobRequest{7, request()})).has_value());
  for (const char* name : {"", ".", "..", "../x", "/etc/passwd", "a/b", ".hidden"}) {
    nlohmann::json bad = encode(piece);
    bad["file"]["name"] = name;
    CHECK_THROWS_AS(decode_file_piece(bad), Exception);
  }
  nlohmann::json bad = encode(piece);
  bad["file"]["piece"] = "not base64!";
  CHECK_THROWS_WITH(decode_file_piece(bad), "file: its piece is not in base64");
  bad = encode(piece);
  bad["file"].erase("name");
  CHECK_THROWS_WITH(decode_file_piece(bad), "file: needs \"name\" and \"piece\"");
  CHECK_THROWS_AS(decode_file_piece({{"file", {{"name", "a"}, {"piece", ""}}}}), Exception);
  CHECK_THROWS_WITH(decode_piece({{"piece", 3}}), "the answer to a question for the text must be a \"piece\" in base64");
}
