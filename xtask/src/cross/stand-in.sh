#!/bin/sh
# Stands in for the C compiler and `ar` of a platform whose tools are not here. It compiles nothing, and writes down what it
# was asked to compile. A build script that asks whether something compiles is told that it does.
if [ "$(basename "$0")" = ar ]; then
    # `ar cq LIBRARY OBJECT…`: a library without members.
    printf '!<arch>\n' >"$2"
    exit
fi
output=
before=
for argument; do
    case "$argument" in
    -E)
        # What family of compilers is this?
        echo clang
        exit
        ;;
    *.c | *.cc | *.cpp | *.cxx | *.m | *.mm | *.s | *.S) echo "$argument" >>"$OUT_DIR/not-compiled.txt" ;;
    esac
    if [ "$before" = -o ]; then
        output=$argument
    fi
    before=$argument
done
if [ -n "$output" ]; then
    : >"$output"
fi
