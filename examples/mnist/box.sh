#!/bin/sh
# Which noise certifies MNIST against l1 in the box? LeNet, every noise at three equal sizes.
#
#     examples/mnist/box.sh DATA OUT [METHOD...]     DATA has MNIST's four IDX files
#
# Methods: gaussian uniform laplace, and each with -stability; all of them by default. Each is trained at sigma = 1,
# 2 and 4 and certified on the first 500 test images against l1 and l1-box, the latter with the room of each image.
# SIZE=small, the default, takes 4 epochs and n = 10,000; SIZE=full 90 epochs and n = 100,000, which takes days on
# one core. Killed at any moment, the same command goes on. Then
#
#     python examples/mnist/box.py OUT > examples/mnist/box.md
set -eu
# The C library keeps memory from one step of training to the next, instead of asking for it again.
export MALLOC_TOP_PAD_=268435456 MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=8589934592
data=$1
out=$2
shift 2
case ${SIZE:-small} in
    small) epochs=4 n=10000 ;;
    full)  epochs=90 n=100000 ;;
    *) echo "SIZE must be small or full, got $SIZE" >&2; exit 2 ;;
esac
if [ $# -eq 0 ]; then
    set -- gaussian uniform laplace gaussian-stability uniform-stability laplace-stability
fi

for method in "$@"; do
    noise=${method%-stability}
    case $noise in
        gaussian|uniform|laplace) ;;
        *) echo "unknown method $method" >&2; exit 2 ;;
    esac
    case $method in
        *-stability) objective="stability(weight=2)" ;;
        *)           objective="augment" ;;
    esac
    for sigma in ${SIGMAS:-1 2 4}; do
        name=${method}__sigma_$sigma
        model=$out/models/$name
        [ -f "$model/weights.safetensors" ] || wulff train --dataset "mnist:$data" --model lenet \
            --noise "$noise(sigma=$sigma)" --objective "$objective" --epochs "${EPOCHS:-$epochs}" \
            --seed "${SEED:-0}" --store "$model"
        wulff certify --model "$model" --dataset "mnist:$data" --slice "${SLICE:-:500}" \
            --norm l1 --norm l1-box --n0 100 --n "${N:-$n}" --alpha 0.001 --store "$out/runs/$name"
    done
done
