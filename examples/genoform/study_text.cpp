#include "study_text.hpp"

#include <filesystem>

#include "genoform/core/result.hpp"

namespace command {

using namespace genoform;
using namespace genoform::inner;
using namespace genoform::search;

Corpus text_of_study(Store& store, const std::string& file, SearchRequest& request, const std::string& moved_to) {
  std::string& path = request.training.data;
  const bool is_moved = !moved_to.empty() && moved_to != path;
  if (is_moved) path = moved_to;
  if (!std::filesystem::exists(path))
    throw Exception({ErrorKind::input, path + ": the text of the study is not there; --data says where it is now"});
  Corpus corpus = Corpus::from_file(path);
  const auto fingerprint =
      store.setting("identity", [](const nlohmann::json& j) { return j.at("evaluator").at("data").get<std::string>(); });
  if (fingerprint && *fingerprint != std::to_string(corpus.fingerprint()))
    throw Exception({ErrorKind::input, path + ": not the text that the study in " + file +
                                           " was begun with; --data says where that is, another --study begins anew"});
  if (is_moved) store.set("request", json_of(request).dump());
  return corpus;
}

}  // namespace command
