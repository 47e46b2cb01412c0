#pragma once
#include "genoform/ops/operation_list.hpp"
#include "genoform/ops/operations.hpp"
#include "genoform/ops/recorder.hpp"

#include "genoform/core/hide_macros.hpp"

/// The library's operations by name. One that is missing here works as well; each unit that uses it compiles it.
// clang-format off
#define GENOFORM_EACH_OPERATION(X)                                                                                               \
  X(AdafactorUpdate) X(Rotate) X(CausalConvolution) X(CausalConvolutionGradient) X(Attend) X(AttendGradient) X(Clear)            \
  X(Copy) X(Add) X(Embed) X(EmbedGradient) X(Linear) X(LinearInputGradient) X(LinearWeightGradient) X(Normalize)                 \
  X(NormalizeGradient) X(Activate) X(ActivateGradient) X(CrossEntropy) X(Softmax) X(SoftmaxGradient) X(ScaleOffset)              \
  X(ScaleOffsetGradient) X(SquaredReluAttend) X(SquaredReluAttendGradient) X(RandomFeatures) X(RandomFeaturesGradient)           \
  X(LinearAttend) X(LinearAttendGradient) X(CausalMix) X(CausalMixGradient) X(CausalScores) X(CausalScoresGradient)              \
  X(AddByDistance) X(AddByDistanceGradient) X(CausalSoftmax) X(CausalSoftmaxGradient) X(SumOfSquares)                            \
  X(AdamWUpdate) X(RelativeBias) X(RelativeBiasGradient) X(NormalizeHeads) X(NormalizeHeadsGradient) X(AddSinusoid)              \
  X(AddPositions) X(AddPositionsGradient) X(ScaleBy) X(ScaleByGradient) X(ChooseByTable) X(ChooseTopK) X(ChooseBalanced)         \
  X(ChooseAbove) X(AssignSlots) X(RouteThresholdGradient) X(RecordCuts) X(RecordLoad) X(StepLoad) X(UpdateBias) X(Sigmoid)       \
  X(SigmoidGradient) X(RouterZLoss) X(RouterZLossGradient) X(Jitter) X(JitterGradient) X(RouteTokenChoice)                       \
  X(RouteTokenChoiceGradient) X(RouteExpertChoice) X(RouteExpertChoiceGradient) X(RouteThreshold) X(UpdateThreshold)             \
  X(GatherRows) X(GatherRowsGradient) X(CombineRows) X(CombineRowsGradient) X(ExpertLinear) X(ExpertLinearInputGradient)         \
  X(ExpertLinearWeightGradient) X(BalanceLoss) X(BalanceLossGradient)
// clang-format on

/// Explicit instantiations of all that a back end runs; `keyword` is `extern template` where the compiled library holds them,
/// `template` in its own units. docs/compile_time.md says what that saves.
#define GENOFORM_BACK_END_OPERATION(keyword, Backend, Op)                                                       \
  keyword void ops::OperationList::add(const Backend&, const op::Op&, const Memories<typename Backend::Real>&); \
  keyword void ops::Recorder<Backend>::operator()(const op::Op&);

#include "genoform/core/restore_macros.hpp"
