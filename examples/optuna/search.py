#!/usr/bin/env python3
"""Search genoform's space with Optuna: TPE for the loss, or NSGA-II for the loss and the FLOPs of a training step.

  search.py --data FILE [--sampler tpe|nsga2] [--trials N] [OPTIONS of genoform serve-evaluator]"""
import argparse
import json

import optuna
from genoform_client import Evaluator


def counts(parameter, values):
    when = parameter.get("when")
    return when is None or values.get(when["name"]) in when["values"]


def suggest(trial, parameters, all_of_them):
    """NSGA-II crosses lists of equal length, so it sets all parameters; those that do not count are ignored."""
    values = {}
    for p in parameters:
        if all_of_them or counts(p, values):
            values[p["name"]] = trial.suggest_categorical(p["name"], p["values"])
    return values


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="genoform")
    parser.add_argument("--sampler", choices=["tpe", "nsga2"], default="tpe")
    parser.add_argument("--trials", type=int, default=50, help="genomes to train")
    parser.add_argument("--steps", type=int, help="of each training; without it, genoform's --budget")
    parser.add_argument("--seed", type=int, default=1)
    options, of_genoform = parser.parse_known_args()
    is_nsga2 = options.sampler == "nsga2"
    sampler = optuna.samplers.NSGAIISampler(population_size=16, seed=options.seed) if is_nsga2 else optuna.samplers.TPESampler(seed=options.seed)

    with Evaluator(options.program, *of_genoform) as genoform:
        parameters = genoform.ask("parameters")["parameters"]
        budget = {"steps": options.steps} if options.steps else {}

        def objective(trial):
            decoded = genoform.ask("decode", **suggest(trial, parameters, is_nsga2))
            if "refusal" in decoded:
                raise optuna.TrialPruned(decoded["refusal"])
            trial.set_user_attr("text", decoded["text"])
            rate = trial.suggest_float("learning_rate", 1e-3, 1.6e-2, log=True)
            loss = genoform.ask("train", text=decoded["text"], learning_rate=rate, **budget)["loss"]
            return (loss, genoform.ask("cost", text=decoded["text"])["training_flops"]) if is_nsga2 else loss

        def is_enough(study, _):
            if sum(t.state == optuna.trial.TrialState.COMPLETE for t in study.trials) >= options.trials:
                study.stop()

        study = optuna.create_study(sampler=sampler, directions=["minimize"] * (2 if is_nsga2 else 1))
        study.optimize(objective, n_trials=40 * options.trials, callbacks=[is_enough])
    for trial in study.best_trials:
        print(json.dumps({"values": trial.values, "text": trial.user_attrs["text"], "learning_rate": trial.params["learning_rate"]}))


if __name__ == "__main__":
    main()
