#include <algorithm>
#include <string>
#include <vector>

#include "genoform/search/report/csv.hpp"
#include "genoform/search/report/html/page.hpp"
#include "genoform/search/workers/in_process_workers.hpp"
#include "tests/catch.hpp"
#include "tests/search/toy.hpp"

using namespace toy;

namespace {

/// A study with control arms, with or without its final, in memory.
Store finished_study(bool has_final) {
  DigitStudy digits;
  digits.has_controls = true;
  Fake evaluator(nlohmann::json::object());
  InProcessWorkers workers(evaluator);
  Store store = Store::in_memory();
  StudyRun run;
  run.genomes = 150;
  if (has_final) run.finals = digits.finals;
  REQUIRE(digits.on(workers).run(store, run));
  return store;
}
std::string page_of_study(const Store& store) { return html::page_of({store, "digits", "digits.sqlite", ""}); }

Trial trained(int number, const std::string& text, double loss) {
  return {.number = number,
          .phase = "search",
          .name = {},
          .text = text,
          .learning_rate = 1e-3,
          .steps = 100,
          .step_seconds = 1e-3,
          .hurdles = {{.at = 0.25, .max_loss = {}, .loss = loss + 1}},
          .state = State::done,
          .reason = {},
          .loss = loss};
}

bool has(const std::string& page, const std::string& part) { return page.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("the page of a study has the claim, the losses and intervals of the report") {
  const Store store = finished_study(true);
  const Report report(store);
  const std::string page = page_of_study(store);
  const Claim claim = report.claim();
  REQUIRE(claim.outcome != Claim::Outcome::none);
  const ClaimFigures figures = ClaimFigures::of(claim);
  CHECK(has(report.text(),
            figures.amount + " bits per byte on the test text (95 % interval " + figures.low + " to " + figures.high));
  CHECK(has(page, figures.amount + " bits per byte on the test text (95 % interval " + figures.low + " to " + figures.high +
                      ", 5 seeds, p = " + figures.p));
  for (const Standing& s : report.standings()) {
    const statistics::Difference d = statistics::of_mean(s.test);
    CHECK(has(page, "<th scope=\"row\">" + s.finalist.name + "</th><td class=\"number\">" + fixed_text(s.mean_test(), 3) +
                        "</td><td class=\"number\">" + fixed_text(d.low, 3) + " to " + fixed_text(d.high, 3) +
                        "</td><td class=\"number\">" + fixed_text(s.mean_validation(), 3)));
  }
  CHECK(has(page, "The controls are low digits, random; every arm trained 50 genomes, each with a budget of 3 s"));
  CHECK(has(page, report.winner()->line()));
  for (const html::Section& section : html::sections) CHECK(has(page, "<section id=\"" + std::string(section.id) + "\">"));
  CHECK(page == page_of_study(store));
}

TEST_CASE("the finals say how much text a training reads") {
  Store store = finished_study(true);
  CHECK_FALSE(has(Report(store).text(), "passes"));
  store.set_note("text", json_of(DataSeen{.bytes_per_sequence = 128, .batch = 12, .training_bytes = 3'000'000}).dump());
  const Report report(store);
  const Finalist& f = report.standings().front().finalist;
  const double bytes = static_cast<double>(f.steps) * (f.batch > 0 ? f.batch : 12) * 128;
  CHECK(report.data_seen()->bytes(f) == Approx(bytes));
  CHECK(report.data_seen()->passes(f) == Approx(bytes / 3e6));
  CHECK(report.data_figures(f) == std::vector<std::string>{fixed_text(1e-6 * bytes, 2), fixed_text(bytes / 3e6, 2), "-"});
  Finalist model = f;
  model.text = "Decoder<Stack<Block<Attention<>, Ffn<>>, 1>, Vocab<256>, Width<32>, Context<16>>";
  const auto parameters = static_cast<double>(cost_of(*Genome::parse(model.text))->parameters);
  CHECK(*report.data_seen()->bytes_per_parameter(model) == Approx(bytes / parameters));
  CHECK(has(report.text(), "passes"));
  CHECK(has(page_of_study(store), "bytes a parameter"));
}

TEST_CASE("the page of a study without a final says so and makes no claim") {
  const std::string page = page_of_study(finished_study(false));
  CHECK(has(page, "There is no claim yet"));
  CHECK(has(page, "The final has not been run"));
  CHECK(has(page, "genoform confirm does it"));
  CHECK(has(page, "genoform ablate does it"));
  CHECK_FALSE(has(page, "95 % interval"));
}

TEST_CASE("the page of a study that runs says how far it is") {
  Store store = Store::in_memory();
  std::vector<Trial> trials{trained(1, "000", 3), trained(2, "001", 2.5), trained(3, "002", 4)};
  trials[1].parent = 1;
  trials[2].state = State::leased;
  trials[2].loss.reset();
  store.add(trials);
  store.set_note("run", R"({"trials": 40})");
  const std::string page = page_of_study(store);
  CHECK(has(page, "The study is not finished: 2 genomes are trained of 40, 1 in training. All that follows may change."));
  CHECK(has(page, "The search has trained 2 genomes"));
  CHECK_FALSE(has(page_of_study(finished_study(true)), "not finished"));
}

TEST_CASE("nothing that a study calls itself becomes markup or breaks the page") {
  const std::string hostile = "<script>alert(\"1\")</script>&amp;'\x01\xff\xe2\x80\xae</svg>";
  Store store = Store::in_memory();
  std::vector<Trial> trials{trained(1, hostile, 3), trained(2, "<a><b," + hostile, 2.5), trained(3, ">>>" + hostile, 2.6)};
  trials[1].parent = 1;
  trials[2].name = hostile;
  trials.push_back(trained(4, hostile, 2.7));
  trials.back().phase = "baseline";
  trials.back().name = hostile;
  trials.push_back(trained(5, "x", 0));
  trials.back().state = State::failed;
  trials.back().loss.reset();
  trials.back().reason = hostile;
  store.add(trials);
  store.set_note("processor", hostile);
  int number = 0;
  for (const std::size_t i : {1U, 2U, 3U})
    for (const std::uint64_t seed : {1U, 2U})
      store.put(FinalRun{.number = ++number,
                         .finalist = Finalist::of(trials[i]),
                         .seed = seed,
                         .validation = 2.0 + 0.1 * static_cast<double>(i * seed),
                         .test = 2.5 + 0.1 * static_cast<double>(i * seed),
                         .test_whole = {},
                         .failure = {}});
  store.put(FinalRun{.number = ++number,
                     .finalist = Finalist::of(trials[0]),
                     .seed = 1,
                     .validation = {},
                     .test = {},
                     .test_whole = {},
                     .failure = hostile});
  const std::string page = html::page_of({store, hostile, hostile, hostile});
  CHECK_FALSE(has(page, "<script"));
  CHECK_FALSE(has(page, "'\x01"));
  CHECK_FALSE(first_invalid_utf8(page).has_value());
  CHECK(has(page, "<h1>&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;amp;'\\x01\\xff\\u{202e}&lt;/svg&gt;</h1>"));
  const auto count = [&](const std::string& part) {
    std::size_t n = 0;
    for (std::size_t at = page.find(part); at != std::string::npos; at = page.find(part, at + 1)) ++n;
    return n;
  };
  CHECK(count("<svg") == count("</svg>"));
  CHECK(count("<text") == count("</text>"));
}

TEST_CASE("the curve of an arm counts what its trials cost, and falls only") {
  std::vector<Trial> trials{trained(1, "0", 3), trained(2, "1", 3.5), trained(3, "2", 2.5), trained(4, "3", 2)};
  trials[1].loss.reset();  // stopped at the hurdle: a quarter of its steps
  trials[3].name = "control";
  trials.push_back(trained(5, "4", 9));
  trials.back().state = State::queued;
  const std::vector<ArmCurve> curves = curves_of(trials);
  REQUIRE(curves.size() == 2);
  CHECK(curves[0].arm == "search");
  CHECK(curves[0].trials == 3);
  CHECK(curves[0].passed == 2);
  CHECK(curves[0].seconds == Approx(0.225));
  REQUIRE(curves[0].steps.size() == 2);
  CHECK(curves[0].steps[1].seconds == Approx(0.225));
  CHECK(curves[0].steps[1].loss == 2.5);
  CHECK(curves[1].arm == "control");
  CHECK(json_of_curves(trials)[0].at("best")[1].at("trial") == 3);
}

TEST_CASE("the table of trials quotes as RFC 4180 says and keeps all digits") {
  Trial t = trained(1, "Block<Attention, \"Ffn\">\nx", 0.1);
  t.reason = "a,b";
  const std::string table = csv_of(std::vector<Trial>{t});
  CHECK(table.starts_with("number,sample,phase,name,text,parent,learning_rate,batch,"));
  CHECK(has(table, "\r\n1,0,search,,\"Block<Attention, \"\"Ffn\"\">\nx\",0,0.001"));
  CHECK(has(table, ",\"[{\"\"at\"\":0.25,\"\"loss\"\":1.1}]\",0,done,\"a,b\",0.10000000000000001\r\n"));
}

TEST_CASE("the difference of two texts is what a mutation changed") {
  const auto shown = [](std::string_view first, std::string_view second) {
    std::string text;
    for (const TextChange& c : text_difference(first, second)) {
      const char* marks[] = {"", "-", "+"};
      text += (text.empty() ? "" : "|") + (marks[static_cast<int>(c.where)] + text_of_words(c.words));
    }
    return text;
  };
  CHECK(shown("Block<Ffn<Hidden<64>>>", "Block<Ffn<Hidden<96>>>") == "Block<Ffn<Hidden<|-64|+96|>>>");
  CHECK(shown("Block<A, B>", "Block<A, C, B>") == "Block<A, |+C, |B>");
  CHECK(shown("Block<A<X<1>, Y>, B>", "Block<C<Z<2>, Y>, B>") == "Block<|-A<X<1|+C<Z<2|>, Y>, B>");
  CHECK(shown("A", "A") == "A");
  CHECK(shown("", "A") == "+A");
}

TEST_CASE("the genes of a text are its kinds, their options and the sizes of the model") {
  CHECK(genes_of_text("Decoder<Stack<Block<Attention<Heads<2>, NoPos>, Ffn<Glu<ReLU>>, Ffn<>>, 4>, Vocab<256>, Width<64>>") ==
        std::set<std::string>{"Attention", "Attention: Heads<2>", "Attention: NoPos", "Ffn", "Ffn: Glu<ReLU>", "Stack: 4 blocks",
                              "Vocab<256>", "Width<64>"});
  CHECK(genes_of_text("Block<Parallel<Attention, Ffn<SqReLU>>>") == std::set<std::string>{"Attention", "Ffn", "Ffn: SqReLU"});
  for (const char* text : {"", "<", ">><", "a<b<,", ",,"}) CHECK(genes_of_text(text).size() <= 2);
  CHECK(genes_of_text("a" + std::string(100000, '<')).empty());
}

TEST_CASE("a front has what nothing else beats in loss and price") {
  const std::vector<Trial> trials{trained(1, "a", 3), trained(2, "b", 2), trained(3, "c", 2.5), trained(4, "d", 2)};
  const auto front = html::pareto::front_of({{&trials[0], 1}, {&trials[1], 3}, {&trials[2], 4}, {&trials[3], 5}});
  REQUIRE(front.size() == 2);
  CHECK(front[0].trial->number == 1);
  CHECK(front[1].trial->number == 2);
}

TEST_CASE("the course of a gene is its share of the last genomes") {
  std::vector<std::set<std::string>> genomes(8, {"always"});
  for (std::size_t i = 4; i < 8; ++i) genomes[i].insert("late");
  const auto courses = html::genes::courses_of(genomes, 4, 12);
  REQUIRE(courses.size() == 1);
  CHECK(courses[0].gene == "late");
  CHECK(courses[0].shares == std::vector<double>{0, 0.25, 0.5, 0.75, 1});
}
