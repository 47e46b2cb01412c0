#include "space.hpp"

#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "common.hpp"
#include "genoform/core/listed.hpp"
#include "genoform/genome/suggest.hpp"
#include "genoform/io/mapped_file.hpp"
#include "genoform/search/space/named_spaces.hpp"
#include "genoform/search/space/space_file.hpp"
#include "genoform/search/space/space_size.hpp"
#include "genoform/search/space/space_text.hpp"
#include "genoform/search/store/store.hpp"
#include "search_request.hpp"

namespace command {

namespace {

using namespace genoform;
using namespace genoform::inner;
using namespace genoform::search;

BlockSpaceOptions space_of_study(const std::string& path) {
  const auto request = Store(path, Store::Open::read).setting("request", SearchRequest::of);
  if (!request) throw Exception({ErrorKind::input, path + ": no study of genoform search"});
  return request->space_options();
}

BlockSpaceOptions space_of_file(const std::string& path) {
  const MappedFile file = MappedFile::open(path);
  if (std::string_view(file.text()).starts_with("SQLite format 3")) return space_of_study(path);
  const BlockSpaceOptions options = read_space(file.text(), path);
  try {
    RandomStream samples(Random(1, stream_of("space")));
    (void)BlockSpace(options).random(samples);
  } catch (const Exception& error) { throw Exception({ErrorKind::input, path + ": " + error.what()}); }
  return options;
}

BlockSpaceOptions space_of(const std::string& name_or_file) {
  std::vector<std::string_view> names;
  for (const NamedSpace& named : named_spaces()) {
    if (named.name == name_or_file) return named.options();
    names.push_back(named.name);
  }
  if (std::filesystem::exists(name_or_file)) return space_of_file(name_or_file);
  usage_error(in_quotes(name_or_file) + ": neither a file nor the name of a space; allowed: " + listed(names) +
              grammar::suggestion(name_or_file, names));
}

int run(const std::string& name_or_file) {
  if (name_or_file.empty()) {
    for (const NamedSpace& named : named_spaces()) {
      const std::string name(named.name), what(named.what);
      std::printf("%-12s %s%s\n", name.c_str(), what.c_str(), named.name == default_space ? " (the default)" : "");
    }
    return 0;
  }
  const BlockSpaceOptions options = space_of(name_or_file);
  std::printf("# %s genomes\n%s", size_of(BlockSpace(options)).text().c_str(), toml_of(options).c_str());
  return 0;
}

struct Options {
  std::string space;
};

}  // namespace

std::string space_text(const std::string& name_or_file) { return toml_of(space_of(name_or_file)); }

std::string name_of_space(const std::string& text) {
  for (const NamedSpace& named : named_spaces())
    if (toml_of(named.options()) == text) return std::string(named.name);
  return "";
}

BlockSpaceOptions space_of_text(const std::string& text) { return read_space(text, "the space of the study"); }

void add_space(CLI::App& program, Commands& commands) {
  auto [app, o] = add_command<Options>(
      program, commands, "space", "Print a space of genoform search as a file, and its size.",
      "  genoform space                         the spaces that have names\n"
      "  genoform space hybrid > mine.toml      to be edited, for genoform search --space mine.toml\n"
      "  genoform space study.sqlite            the space of a study",
      +[](const Options& options) { return run(options.space); });
  app->add_option("NAME", o->space,
                  "a name of the list, a file (docs/formats/space.md) or a study; without it the names are listed");
}

}  // namespace command
