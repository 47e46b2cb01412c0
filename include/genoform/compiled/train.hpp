#pragma once
#include "genoform/compiled/cpu.hpp"
#include "genoform/train/trainer.hpp"

namespace genoform {

extern template class AdamW::Bound<Cpu>;
extern template class Adafactor::Bound<Cpu>;
extern template std::unique_ptr<Optimizer<Cpu>> AdamW::bind(BasicModel<Cpu>&) const;
extern template std::unique_ptr<Optimizer<Cpu>> Adafactor::bind(BasicModel<Cpu>&) const;
extern template class Optimizers<Cpu>;
extern template Optimizers<Cpu> builtin_optimizers<Cpu>();
extern template class Evaluation<Cpu>;
extern template class Trainer<Cpu>;

}  // namespace genoform
