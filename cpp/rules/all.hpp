// Which rules are there? Those of these headers, one row each; everything else is enumerated from this list.
#pragma once

#include "adadelta.hpp"
#include "adagrad.hpp"
#include "adam.hpp"
#include "adamax.hpp"
#include "asgd.hpp"
#include "lamb.hpp"
#include "lars.hpp"
#include "lion.hpp"
#include "nadam.hpp"
#include "novograd.hpp"
#include "radam.hpp"
#include "rmsprop.hpp"
#include "rprop.hpp"
#include "schedule_free.hpp"
#include "sgd.hpp"
#include "stable_adamw.hpp"

namespace onepass {
namespace {

// clang-format off
constexpr Families families{
    sgd_rules,
    adagrad_rules,
    adadelta_rules,
    rmsprop_rules,
    adam_rules,
    adamax_rules,
    nadam_rules,
    novograd_rules,
    radam_rules,
    lamb_rules,
    lars_rules,
    lion_rules,
    rprop_rules,
    asgd_rules,
    schedule_free_rules,
    stable_adamw_rules};
// clang-format on

}  // namespace
}  // namespace onepass
