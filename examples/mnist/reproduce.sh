#!/bin/sh
# Reproduces published results on MNIST with LeNet and Gaussian noise [Jeong & Shin 2020; Jeong et al. 2021].
#
#     examples/mnist/reproduce.sh DATA OUT [METHOD...]     DATA has MNIST's four IDX files
#
# Methods: gaussian stability consistency smoothmix smoothadv; all of them by default. The published recipe is
# 90 epochs of SGD at learning rate .01, divided by 10 every 30 epochs, with 256 noisy copies per step: 256
# inputs for one copy of each, 128 for two, 64 for four. SmoothMix and SmoothAdv attack in every step, which takes
# several times as long: here they have 15 to 30 epochs and a cosine schedule; EPOCHS=90 DECAY=step RATE=0.01 is
# as published. Every 20th test image is certified with n = 100,000. The classifier that is certified runs in
# bfloat16, compiled, which needs a C++ compiler; POLICY="--batch 256" runs it in float32. Killed at any moment,
# the same command goes on. Two methods at a time keep two cores busy.
set -eu
# The C library keeps memory from one step of training to the next, instead of asking for it again.
export MALLOC_TOP_PAD_=268435456 MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=8589934592
data=$1
out=$2
shift 2
policy="--dtype bf16 --compile --channels-last --batch 256"
[ $# -gt 0 ] || set -- gaussian stability consistency smoothmix smoothadv

for method in "$@"; do
    for sigma in 0.25 0.5; do
        epochs=90 decay=step rate=0.01 precision=bf16
        case $method-$sigma in
            gaussian-*)       batch=256 precision=fp32 objective="augment" ;;
            stability-*)      batch=256 objective="stability(weight=2,reference=clean)" ;;
            consistency-0.25) batch=128 objective="consistency(weight=10)" ;;
            consistency-0.5)  batch=128 objective="consistency(weight=5)" ;;
            smoothmix-0.25)   batch=64 epochs=24 decay=cosine objective="smoothmix(steps=2)" ;;
            smoothmix-0.5)    batch=64 epochs=30 decay=cosine rate=0.03 objective="smoothmix(steps=4,mix_step=1)" ;;
            smoothadv-0.25)   batch=64 epochs=15 decay=cosine rate=0.03 objective="smoothadv" ;;
            smoothadv-0.5)    batch=64 epochs=18 decay=cosine rate=0.03 objective="smoothadv" ;;
            *) echo "unknown method $method" >&2; exit 2 ;;
        esac
        model=$out/models/${method}__sigma_$sigma
        [ -f "$model/weights.safetensors" ] || wulff train --dataset "mnist:$data" --model lenet \
            --noise "gaussian(sigma=$sigma)" --objective "$objective" --batch "$batch" --precision "$precision" \
            --epochs "${EPOCHS:-$epochs}" --decay "${DECAY:-$decay}" --learning-rate "${RATE:-$rate}" \
            --seed "${SEED:-0}" --store "$model"
        wulff certify --model "$model" --dataset "mnist:$data" --slice "${SLICE:-::20}" --norm l2 \
            --n0 100 --n "${N:-100000}" --alpha 0.001 ${POLICY:-$policy} --store "$out/runs/${method}__sigma_$sigma"
    done
done
