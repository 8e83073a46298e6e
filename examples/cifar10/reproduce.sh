#!/bin/bash
# Which noise certifies how much on CIFAR-10, against l1, l1-box, l2 and linf?
#
#     examples/cifar10/reproduce.sh SIZE=small|full [--dry-run] DATA OUT [METHOD...]
#
# DATA has CIFAR-10 in any form that `wulff train --dataset cifar10:DATA` reads; `wulff download cifar10` gets it.
# A METHOD is NOISE_SIGMA, as in uniform_0.5, or NOISE-stability_SIGMA; splitting is counted by all its views. By
# default all of them run, those first that the papers' claim needs most.
#
# small, for CPUs: ResNet-9 by `--schedule fast`; every 20th test image, n = 100,000, alpha = .001, and sampling stops
# when the radii of the tables are decided. full, for one GPU: WRN-40-2 (MODEL=resnet110 for that of Cohen et al.),
# 120 epochs, and the papers' sizes of noise. EPOCHS, SEED, SLICE, N and POLICY change the rest.
#
# --dry-run prints what would be done, and an estimate. Killed at any moment, the same command goes on; the CPU time
# of each step is noted in OUT/seconds.tsv. Then
#
#     python examples/cifar10/results.py OUT > examples/cifar10/results.md
set -eu
export MALLOC_TOP_PAD_=268435456 MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=8589934592
size=small dry=
places=()
for argument; do
    case $argument in
        SIZE=*) size=${argument#SIZE=} ;;
        --dry-run) dry=yes ;;
        *) places+=("$argument") ;;
    esac
done
set -- "${places[@]-}"
data=${1:-DATA} out=${2:-OUT}
[ $# -le 2 ] && methods=() || methods=("${@:3}")
if [ -z "$dry" ] && [ $# -lt 2 ]; then
    echo "usage: reproduce.sh SIZE=small|full [--dry-run] DATA OUT [METHOD...]" >&2
    exit 2
fi

# Rates are images per second, trained or classified: of one core with AMX for small, where they were measured, and of
# one data-centre GPU for full, where they are assumptions. Copies per image are what the stopping rule is assumed to
# leave: under uniform noise they were 2,700, under Laplace noise ten times as many.
case $size in
    small)
        model=${MODEL:-resnet9} epochs=${EPOCHS:-10} device=cpu rate=1200 classified=7000 copies=20000
        schedule=(--schedule fast --epochs "$epochs")
        default="uniform_0.5 laplace_0.5 gaussian_0.5 uniform_1 laplace_1 gaussian_1 splitting_0.5 splitting_1
            splitting_2 uniform_0.25 laplace_0.25 gaussian_0.25 uniform_2 gaussian_2" ;;
    full)
        model=${MODEL:-wrn40-2} epochs=${EPOCHS:-120} device=cuda rate=20000 classified=150000 copies=10000
        schedule=(--epochs "$epochs" --batch 1024 --learning-rate 0.8 --weight-decay 5e-4 --decay one-cycle
            --precision bf16 --compile)
        default=$(for sigma in 0.15 0.25 0.5 0.75 1 1.25 1.5; do echo {uniform,laplace,gaussian,splitting}_$sigma; done
            for sigma in 1.75 2 2.25 2.5 2.75 3 3.25 3.5; do echo {uniform,splitting}_$sigma; done
            echo {uniform,splitting}-stability_{0.5,1,2,3.5}) ;;
    *) echo "SIZE must be small or full, got $size" >&2; exit 2 ;;
esac
slice=${SLICE:-::20} n=${N:-100000}
read -ra policy <<< "${POLICY---dtype bf16 --compile --channels-last --batch 256}"
[ ${#methods[@]} -gt 0 ] || read -ra methods <<< "$(echo $default)"

timed() {  # WHAT METHOD COMMAND...
    TIMEFORMAT="$1"$'\t'"$2"$'\t%U\t%S'
    { time "${@:3}" 2>&3; } 3>&2 2>> "$out/seconds.tsv"
}

for method in "${methods[@]}"; do
    kind=${method%_*} sigma=${method##*_}
    noise=${kind%-stability} objective=augment passes=1
    case $kind in
        *-stability) objective="stability" passes=2 ;;
    esac
    case $noise in
        uniform|laplace|gaussian) terms=(--norm l1 --norm l1-box --norm l2 --norm linf --n0 100 --n "$n" --alpha 0.001
            --stop-radii 0.25,0.5,0.75,1,1.25,1.5,1.75,2,2.25,2.5,3,3.5,4) ;;
        splitting) terms=() ;;
        *) echo "unknown method $method" >&2; exit 2 ;;
    esac
    train=(wulff train --dataset "cifar10:$data" --model "$model" --noise "$noise(sigma=$sigma)"
        --objective "$objective" "${schedule[@]}" --device "$device" --seed "${SEED:-0}" --store "$out/models/$method")
    certify=(wulff certify --model "$out/models/$method" --dataset "cifar10:$data" --slice "$slice" "${terms[@]}"
        --device "$device" "${policy[@]}" --store "$out/runs/$method")
    if [ -n "$dry" ]; then
        views=$copies
        [ "$noise" != splitting ] || views=$(awk "BEGIN { print int(2 * sqrt(3) * $sigma * 255) }")
        printf '%q ' "${train[@]}"; echo
        printf '%q ' "${certify[@]}"; echo
        awk -v name="$method" -v t="$((passes * epochs * 50000 / rate))" -v c="$((500 * views / classified))" \
            'BEGIN { printf "# %s: about %.1f minutes of training and %.1f of certification\n", name, t / 60, c / 60 }'
        continue
    fi
    mkdir -p "$out"
    [ -f "$out/models/$method/weights.safetensors" ] || timed train "$method" "${train[@]}"
    timed certify "$method" "${certify[@]}"
done
[ -z "$dry" ] || echo "# The speed on $device is $([ "$size" = small ] && echo measured || echo assumed), copies per image are assumed."
