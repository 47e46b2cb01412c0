#include "genoform/search/workers/protocol.hpp"

#include <chrono>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

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

Greeting greeting(const std::string& machine = "a machine") {
  return {.protocol = protocol_version, .library = library_version, .machine = machine};
}

/// A worker that sets up as it should and then answers each request with these bytes.
Launcher worker_that_says(const std::string& bytes) {
  return forked_function([bytes](int fd) {
    Channel channel(fd);
    nlohmann::json message;
    channel.send(encode(greeting()));
    if (channel.receive(message) != Channel::Read::line) return 1;
    channel.send(encode(Ready{}));
    while (channel.receive(message) == Channel::Read::line) ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return 0;
  });
}

Reply reply_of(WorkerPool& pool, const Request& request, double limit = 5) {
  while (pool.idle().empty()) pool.wait(0.05);
  pool.start(pool.idle().front(), {7, request}, limit);
  for (int i = 0; i < 400; ++i)
    if (auto replies = pool.wait(0.05); !replies.empty()) return replies.front();
  FAIL("no reply");
  return {};
}
TrainRequest training(const std::string& text) {
  TrainRequest request;
  request.text = text;
  request.steps = 1;
  return request;
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
  WorkerPool pool(1, launcher(), {{"mischief", {{"bad", "not finite"}}}});
  CHECK(std::get<TrainReply>(reply_of(pool, training("777777")).answer).loss == 0.0);
  const Reply error = reply_of(pool, training("bad"));
  CHECK(error.kind == Reply::Kind::error);
  CHECK(error.error.error_kind == ErrorKind::not_finite);
  CHECK(error.error.message.find("ffn.up.weight") != std::string::npos);
  CHECK(reply_of(pool, training("777776")).kind == Reply::Kind::answer);
  CHECK(
      std::get<TimeReply>(reply_of(pool, TimeRequest{.texts = {"000000", "700000"}, .batches = {0, 0}}).answer).seconds.size() ==
      2);
}

TEST_CASE("a worker that dies, hangs or talks nonsense is replaced") {
  WorkerPool pool(1, launcher(), {{"mischief", {{"a", "die"}, {"b", "exit"}, {"c", "hang"}, {"d", "nothing"}}}});
  const Reply killed = reply_of(pool, training("a"));
  CHECK(killed.kind == Reply::Kind::died);
  CHECK(killed.error.message.find("signal 9") != std::string::npos);
  CHECK(reply_of(pool, training("b")).error.message.find("exit code 9") != std::string::npos);
  CHECK(reply_of(pool, training("c"), 0.2).error.message.find("in time") != std::string::npos);
  CHECK(reply_of(pool, training("d")).error.message.find("neither a loss nor a refusal") != std::string::npos);
  CHECK(reply_of(pool, training("777777")).kind == Reply::Kind::answer);
  const std::string loss = R"("answer": {"loss": 1, "at_hurdles": [1], "steps": 0, "refusal": ""})";
  for (const std::string& nonsense :
       {std::string("hello\n"), std::string("{}\n"), "{\"job\": 8, " + loss + "}\n", "{\"job\": \"7\", " + loss + "}\n",
        std::string("{\"job\": 7}\n"), "{\"job\": 7, " + loss + ", \"error\": \"both\"}\n", std::string("[]\n")}) {
    WorkerPool talker(1, worker_that_says(nonsense), {});
    const Reply reply = reply_of(talker, training("x"));
    INFO(nonsense);
    CHECK(reply.kind == Reply::Kind::died);
    CHECK(reply.error.message.find("protocol") != std::string::npos);
  }
}

TEST_CASE("workers that cannot be set up end the search with their reason") {
  const Launcher refuses = forked_evaluator([](const nlohmann::json&) -> std::unique_ptr<Evaluator> {
    throw Exception({ErrorKind::input, "no such text"});
  });
  WorkerPool pool(2, refuses, {});
  CHECK_THROWS_WITH(pool.wait(5), "no such text");
  WorkerPool dying(1, forked_function([](int) { return 1; }), {});
  CHECK_THROWS_AS(([&] {
                    for (int i = 0; i < 100; ++i) dying.wait(0.1);
                  }()),
                  Exception);
  CHECK_THROWS_AS(WorkerPool(0, launcher(), {}), Exception);
}

TEST_CASE("a worker of another version is refused in a sentence that names both") {
  for (const Greeting& other : {Greeting{99, library_version, "m"}, Greeting{protocol_version, "7.8.9", "m"}}) {
    const Launcher launcher = forked_function([other](int fd) {
      Channel(fd).send(encode(other));
      ::pause();
      return 0;
    });
    WorkerPool pool(1, launcher, {});
    const std::string expected = "worker 0 has genoform " + other.library + " with protocol " + std::to_string(other.protocol) +
                                 ", this program genoform " + library_version + " with protocol " +
                                 std::to_string(protocol_version) + "; install the same version there";
    CHECK_THROWS_WITH(pool.wait(5), expected);
  }
}

TEST_CASE("workers are pinned, one to a processor") {
  struct Tells : Evaluator {
    TrainReply train(const TrainRequest&) override {
      TrainReply reply;
      reply.loss = static_cast<double>(allowed_processors().size());
      reply.at_hurdles = {static_cast<double>(allowed_processors().front())};
      return reply;
    }
  };
  WorkerPool pool(1, forked_evaluator([](const nlohmann::json&) { return std::make_unique<Tells>(); }), {});
  const auto reply = std::get<TrainReply>(reply_of(pool, training("")).answer);
  CHECK(reply.loss == 1.0);
  CHECK(reply.at_hurdles == std::vector<double>{static_cast<double>(allowed_processors().front())});
}

TEST_CASE("a launcher decides how a worker is started and is asked again for one that died") {
  std::vector<int> launched;
  const Launcher counting = [&, launch = launcher()](int worker) {
    launched.push_back(worker);
    return launch(worker);
  };
  WorkerPool pool(2, counting, {{"mischief", {{"a", "die"}}}});
  CHECK(launched == std::vector<int>{0, 1});
  const Reply reply = reply_of(pool, training("a"));
  REQUIRE(launched.size() == 3);
  CHECK(launched.back() == reply.worker);
}

TEST_CASE("a worker may be any program, with pipes for its standard streams") {
  const std::string answer = R"({"job": 7, "answer": {"loss": 3, "at_hurdles": [], "steps": 0, "refusal": ""}})";
  const std::string script = "echo '" + encode(greeting()).dump() + "'; read setup; echo '" + encode(Ready{}).dump() +
                             "'; while read request; do echo noise >&2; echo '" + answer + "'; done";
  WorkerPool pool(1, program_launcher({"sh", "-c", "cat | sh -c \"$0\" | cat", script}), {});
  CHECK(std::get<TrainReply>(reply_of(pool, training("7"), 30).answer).loss == 3.0);
}

TEST_CASE("a worker on standard streams keeps what its evaluator prints out of the connection") {
  struct Chatty : Evaluator {
    TrainReply train(const TrainRequest&) override {
      std::printf("progress\n");
      std::fflush(stdout);
      TrainReply reply;
      reply.loss = 1;
      return reply;
    }
  };
  const Launcher streams = forked_function([](int fd) {
    ::dup2(fd, STDIN_FILENO);
    ::dup2(fd, STDOUT_FILENO);
    return run_worker_on_standard_streams([](const nlohmann::json&) { return std::make_unique<Chatty>(); });
  });
  WorkerPool pool(1, streams, {});
  CHECK(std::get<TrainReply>(reply_of(pool, training("7")).answer).loss == 1.0);
}

TEST_CASE("a worker that got no setup says so") {
  const Pair pair;
  Channel channel(pair.ends[0]);
  REQUIRE(channel.send(encode(JobRequest{1, training("7")})));
  ::shutdown(pair.ends[0], SHUT_WR);
  CHECK(run_worker(pair.ends[1], [](const nlohmann::json& setup) { return std::make_unique<Fake>(setup); }) == 0);
  std::string first;
  REQUIRE(channel.receive(first) == Channel::Read::line);
  CHECK(decode_greeting(first)->machine == machine_identity());
  nlohmann::json message;
  REQUIRE(channel.receive(message) == Channel::Read::line);
  const JobReply reply = decode_reply(message, training("7"));
  CHECK(reply.job == 1);
  CHECK(reply.answer.error().message.find("setup") != std::string::npos);
}
