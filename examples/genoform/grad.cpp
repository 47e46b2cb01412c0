#include <vector>

#include "common.hpp"
#include "genoform/io/safetensors.hpp"
#include "genoform/io/token_file.hpp"
#include "genoform/train/finite.hpp"
#include "models.hpp"

namespace command {

namespace {

using namespace genoform;
using namespace genoform::inner;

struct Options {
  std::string folder, tokens, out;
  int batch = 1, context = 0;
  CpuOptions cpu{.threads = 0};
};

/// Refuses to write what is not finite.
void check_finite(CpuModel& model, const Losses& losses) {
  const std::string gradient = first_not_finite(model, Memory::gradients);
  if (math::is_finite(losses.main) && math::is_finite(losses.aux) && gradient.empty()) return;
  throw Exception({ErrorKind::not_finite, gradient.empty() ? "the loss is not finite" : "not finite: gradient of " + gradient});
}

/// Logits, losses and gradients of one batch under the names of docs/formats/model.md section 5.
Result<void> write(CpuModel& model, const Options& o, std::span<const float> logits, const Losses& losses) {
  const float loss = static_cast<float>(losses.main), aux_loss = static_cast<float>(losses.aux);
  std::vector<TensorData> data;
  data.push_back(tensor_data("logits", {o.batch, o.context, model.sizes().vocab}, logits));
  data.push_back(tensor_data("loss", {1}, std::span<const float>(&loss, 1)));
  data.push_back(tensor_data("aux_loss", {1}, std::span<const float>(&aux_loss, 1)));
  for (const TensorInfo& info : model.tensors()) {
    if (info.tensor.memory != Memory::weights) continue;
    const auto gradient =
        std::span<const float>(model.gradients())
            .subspan(static_cast<std::size_t>(info.tensor.offset), static_cast<std::size_t>(info.tensor.size()));
    data.push_back(tensor_data("grad." + info.name, info.shape, gradient));
  }
  return write_safetensors(o.out, data);
}

int run(const Options& o) {
  const auto model = load_model(o.folder, o.cpu);
  if (o.context > model->sizes().context)
    usage_error("--context " + std::to_string(o.context) + ": the model has Context<" + std::to_string(model->sizes().context) +
                ">");
  const std::size_t n = static_cast<std::size_t>(o.batch) * static_cast<std::size_t>(o.context);
  const TokenFile file = TokenFile::open(o.tokens);
  const std::vector<Token> tokens = file.read(0, n + 1, model->sizes().vocab);
  const auto inputs = std::span(tokens).first(n), targets = std::span(tokens).subspan(1);
  const auto out = model->logits(inputs, o.batch, Pass::check);
  const std::vector<float> logits(out.begin(), out.end());
  model->zero_gradients();
  const Losses losses = model->loss_and_gradient(inputs, targets, o.batch, 1, Pass::check);
  check_finite(*model, losses);
  write(*model, o, logits, losses).value();
  return 0;
}

}  // namespace

void add_grad(CLI::App& program, Commands& commands) {
  auto [app, o] = add_command<Options>(
      program, commands, "grad", "Write the logits, losses and gradients of one batch, for checking against another program.",
      "  genoform grad my-net --tokens text.bin --batch 2 --context 64 --out gradients.safetensors\n"
      "Sequence b takes the tokens from b * context on, targets are one token later. Experts are routed by pool, capacity "
      "included; Base takes the argmax, and what routers remember stays fixed.",
      run);
  app->add_option("FOLDER", o->folder, "a model folder")->required();
  app->add_option("--tokens", o->tokens, "a token file (.bin of llm.c)")->required();
  add_number(*app, "--batch", o->batch, "sequences", at_least(1))->required();
  add_number(*app, "--context", o->context, "positions of a sequence, at most the model's", at_least(1))->required();
  app->add_option("--out", o->out, "the safetensors file to write")->required();
  add_threads(*app, o->cpu);
}

}  // namespace command
