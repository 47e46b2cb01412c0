#include <cstdio>

#include "common.hpp"
#include "genoform/report/json.hpp"
#include "models.hpp"

namespace command {

namespace {

struct Options {
  std::string text;
  bool json = false;
};

int run(const Options& o) {
  const std::string canonical = read_genome(o.text).text();
  if (o.json)
    std::printf("%s\n", genoform::inner::JsonObject().add("model", canonical).text().c_str());
  else
    std::printf("%s\n", canonical.c_str());
  return 0;
}

}  // namespace

void add_print(CLI::App& program, Commands& commands) {
  auto [app, o] = add_command<Options>(program, commands, "print", "Read a model's text, check it and print its canonical form.",
                                       "  genoform print 'Block<Attn, Ffn<Hidden<512>, SqReLU>>'\n"
                                       "  genoform print - < model.txt",
                                       run);
  app->add_option("TEXT", o->text, "a model or a part of one, as a C++ type; - reads it from stdin")->required();
  app->add_flag("--json", o->json, "print a JSON object");
}

}  // namespace command
