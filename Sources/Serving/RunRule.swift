package import Text

/// One entry of `runs` in the configuration: the limit of time on a run of the models that a
/// pattern matches.
package struct RunRule: Sendable, Equatable {
    package let models: ModelPattern
    /// Within ``ServingLimits/runSecondsRange``.
    package let seconds: Int

    package init(models: ModelPattern, seconds: Int) {
        self.models = models
        self.seconds = seconds
    }
}
