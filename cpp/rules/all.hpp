// Which rules are there? Those of these headers, one row each; everything else is enumerated from this list.
#pragma once

#include "adabelief.hpp"
#include "adadelta.hpp"
#include "adafactor.hpp"
#include "adagrad.hpp"
#include "adam.hpp"
#include "adamax.hpp"
#include "adan.hpp"
#include "ademamix.hpp"
#include "adopt.hpp"
#include "asgd.hpp"
#include "lamb.hpp"
#include "laprop.hpp"
#include "lars.hpp"
#include "lion.hpp"
#include "mars.hpp"
#include "nadam.hpp"
#include "novograd.hpp"
#include "prodigy.hpp"
#include "radam.hpp"
#include "rmsprop.hpp"
#include "rprop.hpp"
#include "schedule_free.hpp"
#include "sgd.hpp"
#include "stable_adamw.hpp"
#include "yogi.hpp"

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
    radam_rules,
    ademamix_rules,
    adabelief_rules,
    adan_rules,
    adopt_rules,
    laprop_rules,
    mars_rules,
    yogi_rules,
    stable_adamw_rules,
    schedule_free_rules,
    lamb_rules,
    lars_rules,
    novograd_rules,
    adafactor_rules,
    prodigy_rules,
    lion_rules,
    rprop_rules,
    asgd_rules};
// clang-format on

}  // namespace
}  // namespace onepass
