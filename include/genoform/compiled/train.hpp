#pragma once
#include "genoform/compiled/cpu.hpp"
#include "genoform/train/trainer.hpp"

namespace genoform::inner {

extern template class train::AdamW::Bound<Cpu>;
extern template class train::Adafactor::Bound<Cpu>;
extern template std::unique_ptr<Optimizer<Cpu>> train::AdamW::bind(BasicModel<Cpu>&) const;
extern template std::unique_ptr<Optimizer<Cpu>> train::Adafactor::bind(BasicModel<Cpu>&) const;
extern template class train::Optimizers<Cpu>;
extern template Optimizers<Cpu> train::builtin_optimizers<Cpu>();
extern template class train::Evaluation<Cpu>;
extern template class train::Trainer<Cpu>;

}  // namespace genoform::inner
