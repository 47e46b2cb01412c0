#pragma once
#include <string>

#include "genoform/search/space/block_space.hpp"

/// Spaces by name or by file. space.cpp is the only file that reads TOML.
namespace command {

/// The text of a space, in its one printed form, by a name of `genoform space` by its file or by a study that has it. Throws
/// Exception, also when it has no legal genome.
std::string space_text(const std::string& name_or_file);

/// The name of the space with this text; empty where it has none.
std::string name_of_space(const std::string& text);

/// The space in a text that space_text() made.
genoform::search::BlockSpaceOptions space_of_text(const std::string& text);

}  // namespace command
