// Does this processor, under this operating system, run code compiled for a level? One probe per level, of exactly the
// features that the level's compiler flag may use.
#pragma once

namespace onepass::cpu {

bool runs_x86_v4_bf16();
bool runs_x86_v4();
bool runs_x86_v3();
bool runs_x86_v2();
bool runs_neon();
bool runs_generic();

}  // namespace onepass::cpu
