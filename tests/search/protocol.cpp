#include "genoform/search/workers/protocol.hpp"

#include <chrono>
#include <cmath>
#include <memory>

#include "genoform/search/workers/worker_pool.hpp"
#include "tests/catch.hpp"
#include "tests/search/toy.hpp"

using namespace toy;

namespace {

/// Two connected channels.
struct Pair {
  int ends[2];
  Pair() { REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0); }
  ~Pair() {
    ::close(ends[0]);
    ::close(ends[1]);
  }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;
};

void send_raw(int fd, const std::string& bytes) {
  REQUIRE(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
}

/// A worker that sets up as it should and then answers each request with these bytes.
WorkerMain worker_that_says(const std::string& bytes) {
  return [bytes](int fd) {
    Channel channel(fd);
    nlohmann::json message;
    if (channel.receive(message) != Channel::Read::line) return 1;
    channel.send({{"worker", protocol_version}});
    while (channel.receive(message) == Channel::Read::line) ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return 0;
  };
}

Reply reply_of(WorkerPool& pool, const nlohmann::json& request, double limit = 5) {
  while (!pool.has_idle()) pool.wait(0.05);
  pool.start(7, request, limit);
  for (int i = 0; i < 400; ++i)
    if (auto reply = pool.wait(0.05)) return *reply;
  FAIL("no reply");
  return {};
}

}  // namespace

TEST_CASE("messages arrive whole, however they are cut") {
  const Pair pair;
  Channel reader(pair.ends[1]);
  nlohmann::json message;
  send_raw(pair.ends[0], "{\"a\": 1");
  CHECK(reader.receive_some(message) == Channel::Read::nothing);
  send_raw(pair.ends[0], "}\n{\"b\": 2}\n{\"c\"");
  CHECK(reader.receive_some(message) == Channel::Read::line);
  CHECK(message["a"] == 1);
  CHECK(reader.receive(message) == Channel::Read::line);
  CHECK(message["b"] == 2);
  CHECK(reader.take(message) == Channel::Read::nothing);
}

TEST_CASE("numbers cross the connection bit for bit") {
  const Pair pair;
  Channel writer(pair.ends[0]), reader(pair.ends[1]);
  const Random random(3, 3);
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const double number = random.normal(i) * std::exp(random.normal(i + 5000) * 20);
    REQUIRE(writer.send({{"number", number}}));
    nlohmann::json message;
    REQUIRE(reader.receive(message) == Channel::Read::line);
    CHECK(message["number"].get<double>() == number);
  }
}

TEST_CASE("what is no JSON object breaks the protocol") {
  for (const std::string bytes : {"hello\n", "[1]\n", "{\"a\": }\n", "\n", "\xFF\xFE\n", "1\n"}) {
    const Pair pair;
    Channel reader(pair.ends[1]);
    nlohmann::json message;
    send_raw(pair.ends[0], bytes);
    CHECK(reader.receive(message) == Channel::Read::violation);
  }
}

TEST_CASE("an end that closes is seen, and writing to it does no harm") {
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  ::close(ends[0]);
  Channel channel(ends[1]);
  nlohmann::json message;
  CHECK(channel.receive(message) == Channel::Read::closed);
  CHECK_FALSE(channel.send({{"a", 1}}));
  ::close(ends[1]);
}

TEST_CASE("a worker answers, reports failures and outlives them") {
  WorkerPool pool(1, worker(), {{"mischief", {{"bad", "not finite"}}}});
  CHECK(reply_of(pool, {{"text", "777777"}, {"steps", 1}}).answer.at("loss") == 0.0);
  const Reply error = reply_of(pool, {{"text", "bad"}});
  CHECK(error.kind == Reply::Kind::error);
  CHECK(error.error_kind == ErrorKind::not_finite);
  CHECK(error.what.find("ffn.up.weight") != std::string::npos);
  const Reply wrong = reply_of(pool, {{"no text", 1}});
  CHECK(wrong.kind == Reply::Kind::error);
  CHECK(reply_of(pool, {{"text", "777776"}, {"steps", 1}}).kind == Reply::Kind::answer);
}

TEST_CASE("a worker that dies, hangs or talks nonsense is replaced") {
  WorkerPool pool(1, worker(), {{"mischief", {{"a", "die"}, {"b", "exit"}, {"c", "hang"}}}});
  const Reply killed = reply_of(pool, {{"text", "a"}});
  CHECK(killed.kind == Reply::Kind::died);
  CHECK(killed.what.find("signal 9") != std::string::npos);
  CHECK(reply_of(pool, {{"text", "b"}}).what.find("exit code 9") != std::string::npos);
  CHECK(reply_of(pool, {{"text", "c"}}, 0.2).what.find("in time") != std::string::npos);
  CHECK(reply_of(pool, {{"text", "777777"}, {"steps", 1}}).kind == Reply::Kind::answer);
  for (const char* nonsense : {"hello\n", "{}\n", "{\"job\": 8, \"answer\": 1}\n", "{\"job\": \"7\", \"answer\": 1}\n",
                               "{\"job\": 7}\n", "{\"job\": 7, \"answer\": 1, \"error\": \"both\"}\n", "[]\n"}) {
    WorkerPool talker(1, worker_that_says(nonsense), {});
    const Reply reply = reply_of(talker, {{"text", "x"}});
    INFO(nonsense);
    CHECK(reply.kind == Reply::Kind::died);
    CHECK(reply.what.find("protocol") != std::string::npos);
  }
}

TEST_CASE("workers that cannot be set up end the search with their reason") {
  const WorkerMain refuses = [](int fd) {
    return run_worker(fd, [](const nlohmann::json&) -> std::unique_ptr<Evaluator> {
      throw Exception({ErrorKind::input, "no such text"});
    });
  };
  WorkerPool pool(2, refuses, {});
  CHECK_THROWS_WITH(pool.wait(5), "no such text");
  WorkerPool dying(1, [](int) { return 1; }, {});
  CHECK_THROWS_AS(([&] {
                    for (int i = 0; i < 100; ++i) dying.wait(0.1);
                  }()),
                  Exception);
  CHECK_THROWS_AS(WorkerPool(0, worker(), {}), Exception);
}

TEST_CASE("workers are pinned, one to a processor") {
  const WorkerMain tells = [](int fd) {
    Channel channel(fd);
    nlohmann::json message;
    if (channel.receive(message) != Channel::Read::line) return 1;
    channel.send({{"worker", protocol_version}});
    while (channel.receive(message) == Channel::Read::line)
      channel.send({{"job", message["job"]}, {"answer", allowed_processors()}});
    return 0;
  };
  WorkerPool pool(1, tells, {});
  const Reply reply = reply_of(pool, {});
  CHECK(reply.answer.size() == 1);
  CHECK(reply.answer.at(0) == allowed_processors().front());
}

TEST_CASE("a worker that got no setup says so") {
  const Pair pair;
  Channel channel(pair.ends[0]);
  REQUIRE(channel.send({{"job", 1}, {"text", "7"}}));
  ::shutdown(pair.ends[0], SHUT_WR);
  CHECK(run_worker(pair.ends[1], [](const nlohmann::json& setup) { return std::make_unique<Fake>(setup); }) == 0);
  nlohmann::json message;
  REQUIRE(channel.receive(message) == Channel::Read::line);
  CHECK(message["job"] == 1);
  CHECK(message["error"].get<std::string>().find("setup") != std::string::npos);
}
