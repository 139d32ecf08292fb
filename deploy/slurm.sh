#!/usr/bin/env bash
# Without a queue: an array of Slurm, each task one part of the samples, on a file system that all see.
#   sbatch deploy/slurm.sh portraits.lace out
# and when it has ended, for sheets, films and expectations: lacec run portraits.lace --out out
#SBATCH --job-name=lacec
#SBATCH --array=1-8
#SBATCH --cpus-per-task=2
#SBATCH --mem=2G
#SBATCH --time=01:00:00
#SBATCH --requeue
set -euo pipefail
# --shard auto reads SLURM_ARRAY_TASK_ID, _COUNT and _MIN: the array must be without gaps.
exec lacec run "$1" --out "$2" --shard auto
