// Training on the CPU back end.
#include "genoform/compiled/train.hpp"

namespace genoform::inner {

template class train::AdamW::Bound<Cpu>;
template class train::Adafactor::Bound<Cpu>;
template std::unique_ptr<Optimizer<Cpu>> train::AdamW::bind(BasicModel<Cpu>&) const;
template std::unique_ptr<Optimizer<Cpu>> train::Adafactor::bind(BasicModel<Cpu>&) const;
template class train::Optimizers<Cpu>;
template Optimizers<Cpu> train::builtin_optimizers<Cpu>();
template class train::Evaluation<Cpu>;
template class train::Trainer<Cpu>;

}  // namespace genoform::inner
