#pragma once
#include "genoform/core/requirements.hpp"

/// The namespaces of the library. `genoform` has the public names, listed in docs/reference.md; each header ends with those that
/// it adds. All other names stand in `genoform::inner`, in a namespace for each folder, and see each other. They are for the
/// library and for its tests; what authors of layers, routers, optimizers and back ends need of them is in `genoform::extend`,
/// exported by the same headers.

namespace genoform::inner {
namespace backend {}
namespace core {}
namespace cost {}
namespace data {}
namespace genome {}
namespace io {}
namespace layers {}
namespace model {}
namespace ops {}
namespace registry {}
namespace report {}
namespace train {}

using namespace backend;
using namespace core;
using namespace cost;
using namespace data;
using namespace genome;
using namespace io;
using namespace layers;
using namespace model;
using namespace ops;
using namespace registry;
using namespace report;
using namespace train;

// What checks the arguments of blocks uses what checks those of parts.
namespace core::part_rules {}
namespace model::block_rules {
using namespace core::part_rules;
}
}  // namespace genoform::inner

namespace genoform {
namespace checkpoint {
using namespace inner;
}
namespace cpu {
using namespace inner;
}
namespace device {
using namespace inner;
}
namespace dna {
using namespace inner;
}
namespace hash_table {
using namespace inner;
}
namespace models {
using namespace inner;
}
namespace op {
using namespace inner;
}
namespace reference {
using namespace inner;
}
namespace search {
using namespace inner;
}
namespace testing {
using namespace inner;
}
}  // namespace genoform
