#!/bin/bash
# One run on many nodes. The same words on each of them, in any order, with HEAD the name of one of them:
#
#     HEAD=node0 NODES=2 GPUS=4 bash configs/launch/torchrun_nodes.sh --config configs/cyclegan.yaml \
#         run_dir=/shared/runs/mine data.root=/shared/data train.batch_size=16
#
# NODES=1:4 starts with one node and takes up to four, which may come and go; train.batch_size must divide by the GPUs of each number.
set -eu
: "${HEAD:?the name of the node where all meet}" "${NODES:?how many nodes, or a range such as 1:4}" "${GPUS:?how many GPUs each node has}"

# Without it the restarted trainers read the addresses of the dead ones and wait for them (seen with torch 2.15).
export TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1
# Seconds for a step and a checkpoint between SIGTERM and SIGKILL. torch 2.11 does not know the variable and takes 30.
export TORCH_ELASTIC_SHUTDOWN_TIMEOUT=${TORCH_ELASTIC_SHUTDOWN_TIMEOUT:-120}

exec torchrun --nnodes "$NODES" --nproc_per_node "$GPUS" --max-restarts "${RESTARTS:-3}" \
    --rdzv_backend c10d --rdzv_endpoint "$HEAD:${PORT:-29500}" --rdzv_id "${RUN:-gan_style}" train.py "$@"
