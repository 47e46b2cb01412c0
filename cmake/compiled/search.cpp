// The search: target genoform_compiled_search.
#define GENOFORM_COMPILE_SEARCH
#include "genoform/search/clock/estimator.hpp"
#include "genoform/search/clock/step_table.hpp"
#include "genoform/search/report/ablation_result.hpp"
#include "genoform/search/report/confirm_result.hpp"
#include "genoform/search/report/report.hpp"
#include "genoform/search/serve/evaluator_server.hpp"
#include "genoform/search/serve/json_line.hpp"
#include "genoform/search/space/block_space.hpp"
#include "genoform/search/space/named_genes.hpp"
#include "genoform/search/store/store.hpp"
#include "genoform/search/strategy/command_strategy.hpp"
#include "genoform/search/strategy/evolution.hpp"
#include "genoform/search/study.hpp"
#include "genoform/search/workers/messages.hpp"
#include "genoform/search/workers/protocol.hpp"
#include "genoform/search/workers/worker.hpp"
#include "genoform/search/workers/worker_pool.hpp"

template class nlohmann::basic_json<>;
