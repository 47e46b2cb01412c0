#pragma once
#include <CLI/CLI.hpp>
#include <initializer_list>
#include <string>

#include <nlohmann/json.hpp>

#include "genoform/backend/cpu.hpp"
#include "search_request.hpp"

namespace command {

/// The command line of `genoform search`.
struct SearchOptions {
  SearchRequest request;
  RunRequest run;
  std::string file = "study.sqlite", table_of, space, sub_layers, launch, strategy_command, hurdles = "brainformer";
  std::string time;  ///< that the study is sized for; empty: by the other options
  double strategy_seconds = 60;
  int workers = 2;
  genoform::cpu::Precision precision = genoform::cpu::Precision::f32;
  bool resume = false, recalibrate = false, quiet = false, json = false;
  const CLI::App* command = nullptr;

  bool is_given(const char* option) const { return command->get_option(option)->count() > 0; }
  /// As it stands on the command line.
  std::string words_of(const char* option) const {
    const CLI::Option* found = command->get_option(option);
    const bool is_flag = found->get_expected_max() == 0 || found->get_type_size() == 0;
    return is_flag ? option : option + (" " + found->as<std::string>());
  }
};

/// Adds the options to the subcommand that owns them: those of the text and of how models are trained, and all of a search.
void add_training(CLI::App& app, SearchOptions& options);
void add_options(CLI::App& app, SearchOptions& options);

/// Puts into the request what options say in words. Errors (usage): a text that is no range.
void complete(SearchOptions& options);

/// --time, or its default where no option says how large the study is.
void read_time(SearchOptions& options);

/// Refuses options of the command line that the study in the file was not begun with: `kept` is its request.
void check_shape(const SearchOptions& options, const nlohmann::json& kept);

/// The kept options of the run, changed by those of the command line.
RunRequest changed(const SearchOptions& options, nlohmann::json kept);

/// The command line that begins the study of these requests again: every option, also those at their defaults. `data` and `file`:
/// the text and the study, as they are to be named there.
std::string command_line_of(const SearchRequest& request, const RunRequest& run, const std::string& data,
                            const std::string& file);

/// Refuses an option that would do nothing: `is_used` says whether what it belongs to is there.
void check_used(const SearchOptions& options, bool is_used, std::initializer_list<const char*> names, const std::string& why);

/// Refuses more workers than the window allows.
void check_workers(const SearchOptions& options, int window);

}  // namespace command
