"""Which small changes of the code must be noticed, and by which test? One text, found once, and what replaces it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """A change.

    Attributes:
        name: what it breaks.
        file: below the project's folder.
        text: what is there, once in the file.
        instead: what is put in its place.
        killer: the test that must fail, as pytest names it, below tests/.
    """

    name: str
    file: str
    text: str
    instead: str
    killer: str


CPP = [
    Mutant(
        "a beta is the other one",
        "cpp/rules/lion.hpp",
        "sign(c.beta1 * m + c.fresh1 * g)",
        "sign(c.beta2 * m + c.fresh1 * g)",
        "test_bits.py::test_maximize[lion]",
    ),
    Mutant(
        "eps is dropped",
        "cpp/rules/adagrad.hpp",
        "(sqrt(sum) + c.eps)",
        "sqrt(sum)",
        "test_bits.py::test_maximize[adagrad]",
    ),
    Mutant(
        "the decay of the first moment decays the second",
        "cpp/rules/adamax.hpp",
        "max(c.beta2 * ",
        "max(c.beta1 * ",
        "test_bits.py::test_maximize[adamax]",
    ),
    Mutant(
        "a norm below the limit is scaled up",
        "cpp/engine/norm.hpp",
        "wanted > 1 ? 1 : wanted",
        "wanted",
        "faults/test_C_values.py::test_C9_norms_that_are_zero_or_none[SGD]",
    ),
    Mutant(
        "steps are not counted",
        "cpp/engine/plan.cpp",
        "++*tensor.step;",
        ";",
        "faults/test_B_arrays.py::test_B13_a_parameter_without_a_gradient_sits_out[SGD]",
    ),
    Mutant(
        "a thread's share ends one element early",
        "cpp/engine/pool.cpp",
        "shares_[i].end = work * (i + 1) / team_;",
        "shares_[i].end = work * (i + 1) / team_ - 1;",
        "test_bits.py::test_every_team[sgd-float32]",
    ),
    Mutant(
        "the caller's floating-point mode is not restored",
        "cpp/engine/fp_env.hpp",
        "~DefaultFpEnv() { _mm_setcsr(saved_); }",
        "~DefaultFpEnv() {}",
        "faults/test_C_values.py::test_C3_C4_floating_point_modes_of_the_caller[sgd]",
    ),
    Mutant(
        "a tail of one element is left out",
        "cpp/kernel/sweep.hpp",
        "size - i; rest > 0)",
        "size - i; rest > 1)",
        "faults/test_B_arrays.py::test_B12_B20_every_size_up_to_130[sgd]",
    ),
    Mutant(
        "a sum's halves are the even and the odd arrays",
        "cpp/kernel/tree_sum.hpp",
        "items[2 * i] + items[2 * i + 1]",
        "items[i] + items[i + count]",
        "test_gradient_sums.py::test_the_tree[4]",
    ),
    Mutant(
        "a partial sum is forgotten",
        "cpp/engine/treatment.cpp",
        "(1U << sum_to) - 1",
        "(1U << sum_to) >> 1",
        "test_gradient_sums.py::test_accumulating_as_a_tree_is_a_list[float32-8]",
    ),
    Mutant(
        "a part has the noise of the beginning",
        "cpp/engine/tile.cpp",
        "return tensor_.first + begin_;",
        "return begin_;",
        "distributed/test_layout.py::test_a_part_has_the_noise_of_its_place[float32-options0-0]",
    ),
]

PYTHON = [
    Mutant(
        "a number may be out of its range",
        "python/onepass/checks.py",
        "if number not in self:",
        "if False:",
        "faults/test_A_construction.py::test_A5_A6_A7_A8_hyper_parameters_that_are_none[SGD]",
    ),
    Mutant(
        "a bool is a number",
        "python/onepass/checks.py",
        "and not isinstance(value, bool | np.timedelta64) else None",
        "else None",
        "faults/test_A_construction.py::test_A5_A6_A7_A8_hyper_parameters_that_are_none[Lion]",
    ),
    Mutant(
        "a pair may have three values",
        "python/onepass/checks.py",
        "or len(value) != count:",
        "or len(value) < count:",
        "faults/test_A_construction.py::test_A5_A6_A7_A8_hyper_parameters_that_are_none[Adam]",
    ),
    Mutant(
        "what a schedule sets is not checked",
        "python/onepass/optimizer/groups.py",
        "self._coming = self.checked(self._changes)",
        "self._coming = {**self._values, **self._changes}",
        "faults/test_A_construction.py::test_A12_a_schedule_without_a_rate[SGD]",
    ),
    Mutant(
        "a new rate does not reach the kernel",
        "python/onepass/optimizer/groups.py",
        "self._formula.write_kernel_values(self.kernel_values, values, names)",
        "pass",
        "test_schedules.py::test_step_uses_the_scheduled_rate",
    ),
    Mutant(
        "the rate of a step that was skipped stays",
        "python/onepass/optimizer/optimizer.py",
        "group.take_back()",
        "pass",
        "test_lives.py::test_a_skipped_step_takes_its_rate_back",
    ),
    Mutant(
        "two parameters may have one name",
        "python/onepass/optimizer/contents.py",
        "name in self._names]:",
        "name in ()]:",
        "faults/test_A_construction.py::test_A9_A10_arguments_and_keys_that_there_are_not[SGD]",
    ),
    Mutant(
        "an optimizer may be stepped by its own schedule",
        "python/onepass/optimizer/turn.py",
        "if self.stepper == threading.get_ident():",
        "if False:",
        "test_whole_step.py::test_a_step_that_calls_itself_is_refused",
    ),
    Mutant(
        "a NaN that was found does not count",
        "python/onepass/optimizer/given.py",
        "return not bool(number.reshape(()) == 0)",
        "return bool(abs(number.reshape(())) > 0)",
        "faults/test_C_values.py::test_C8_an_infinity_was_found[SGD]",
    ),
    Mutant(
        "a saved array may have another shape of the same size",
        "python/onepass/optimizer/checkpoint.py",
        "value.shape != own.shape",
        "value.size != own.size",
        "faults/test_D_state.py::test_D4_D5_D6_D7_D9_D11_what_does_not_fit_changes_nothing[Momentum]",
    ),
    Mutant(
        "a saved state is the live one",
        "python/onepass/optimizer/checkpoint.py",
        'return array.copy(order="K") if copies else array',
        "return array",
        "faults/test_D_state.py::test_D1_D2_D3_a_deep_copy_both_ways[Momentum]",
    ),
    Mutant(
        "loaded hyper-parameters are not checked",
        "python/onepass/optimizer/checkpoint.py",
        "group.checked({name: entry[name] for name in hypers})",
        "{name: entry[name] for name in hypers}",
        "faults/test_D_state.py::test_D4_D5_D6_D7_D9_D11_what_does_not_fit_changes_nothing[SGD]",
    ),
    Mutant(
        "a state of another version is taken",
        "python/onepass/optimizer/checkpoint.py",
        '1 <= saved["version"] <= VERSION',
        '1 <= saved["version"]',
        "faults/test_D_state.py::test_D4_D5_D6_D7_D9_D11_what_does_not_fit_changes_nothing[Lion]",
    ),
    Mutant(
        "sums of tiles are added rank by rank",
        "python/onepass/distributed/sharded.py",
        "both)[self.layout.tile_order]",
        "both)",
        "distributed/test_same_bits.py::test_a_norm_is_added_in_the_order_of_one_process",
    ),
    Mutant(
        "ranks that differ go on",
        "python/onepass/distributed/agreement.py",
        "if any(reply[2:] != replies[0][2:]",
        "if all(reply[2:] != replies[0][2:]",
        "faults/test_H_distributed.py::test_H3_classes_dtypes_and_values_differ",
    ),
    Mutant(
        "a shard of another save is taken",
        "python/onepass/distributed/checkpoint.py",
        "self._manifest.require_own(rank, file)",
        "file",
        "faults/test_H_distributed.py::test_H10_shards_are_swapped_doubled_or_of_another_save",
    ),
]
