// What do the parts of a step cost by themselves? Every rule's kernels and scalars, the passes around them, and plans.
//
//   onepass_bench --benchmark_filter='kernel/adamw/.*'
#include "suite.hpp"

int main(int argc, char** argv) {
  onepass::bench::add_kernels();
  onepass::bench::add_passes();
  onepass::bench::add_plans();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
