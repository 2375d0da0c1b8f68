internal import ArgumentParser

/// The checks before a swap that a move passes over.
struct MoveOverrideOptions: ParsableArguments {
    @Flag(help: "Move the alias even if the new signature breaks present callers.")
    var allowSignatureChange = false

    @Flag(help: "Move the alias even if every run of the version on synthetic inputs failed.")
    var force = false
}
