// Which rules are there? One row each; everything else is enumerated from this list.
#pragma once

#include "adadelta.hpp"
#include "adagrad.hpp"
#include "adam.hpp"
#include "adamax.hpp"
#include "asgd.hpp"
#include "lion.hpp"
#include "nadam.hpp"
#include "radam.hpp"
#include "rmsprop.hpp"
#include "rprop.hpp"
#include "sgd.hpp"

namespace onepass {
namespace {

// clang-format off
using AllRules = RuleList<
    Sgd,
    Momentum,
    Nesterov,
    Adagrad,
    Adadelta,
    Rmsprop,
    RmspropMomentum,
    RmspropCentered,
    RmspropCenteredMomentum,
    Adam,
    AdamW,
    Amsgrad,
    AmsgradW,
    Adamax,
    Nadam,
    NadamW,
    Radam,
    RadamW,
    Lion,
    Rprop,
    Asgd>;
// clang-format on

}  // namespace
}  // namespace onepass
