#pragma once

// Training: models, corpora, the trainer with its optimizers and schedules, checkpoints, model folders.

#include "genoform/data/batches.hpp"
#include "genoform/data/corpus.hpp"
#include "genoform/data/synthetic.hpp"
#include "genoform/model/model.hpp"
#include "genoform/train/adafactor.hpp"
#include "genoform/train/adamw.hpp"
#include "genoform/train/evaluation.hpp"
#include "genoform/train/model_files.hpp"
#include "genoform/train/optimizers.hpp"
#include "genoform/train/trainer.hpp"
