// Training on the CPU back end.
#include "genoform/compiled/train.hpp"

namespace genoform {

template class AdamW::Bound<Cpu>;
template class Adafactor::Bound<Cpu>;
template std::unique_ptr<Optimizer<Cpu>> AdamW::bind(BasicModel<Cpu>&) const;
template std::unique_ptr<Optimizer<Cpu>> Adafactor::bind(BasicModel<Cpu>&) const;
template class Optimizers<Cpu>;
template Optimizers<Cpu> builtin_optimizers<Cpu>();
template class Evaluation<Cpu>;
template class Trainer<Cpu>;

}  // namespace genoform
