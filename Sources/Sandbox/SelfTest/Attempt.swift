internal import CSandbox
internal import Glibc
internal import Sealing

/// One forbidden thing that the self-test tries in a process of its own.
struct Attempt: Sendable {
    /// The layers that the process enters before it tries.
    enum Layers: Sendable {
        /// No filter and no Landlock: no new privileges, no capabilities, no dumps.
        case privileges
        /// Landlock alone, of this version of its interface at least.
        case landlock(version: Int)
        /// The first stage.
        case first
        /// Both stages.
        case both
    }

    /// The kernel's answer that stops the thing.
    enum Expected: Sendable {
        /// The process ends at this call, by its name.
        case endsAt(String)
        /// The process ends by one of these signals, without a record of a call.
        case ends([Int32])
        /// The call fails with this error number.
        case fails(Int32)
    }

    /// In words, for the report.
    let thing: String
    let layers: Layers
    let expected: Expected
    /// Gets ready what the process has before it enters the sandbox, such as a socket.
    var prepare: @Sendable () -> Int = { 0 }
    /// Tries it, with the result of `prepare`. Returns what a system call does: below 0, with
    /// `errno` set, for a failure.
    let act: @Sendable (Int) -> Int
}

extension Attempt {
    /// The exit status of a process that could do the thing; above all error numbers.
    static let succeeded: Int32 = 200
    /// The exit status of a process that could not enter the layers.
    static let notEntered: Int32 = 201
    /// Seconds after which SIGALRM ends the process.
    private static let seconds: UInt32 = 10

    /// Whether it is of use here: it needs a version of Landlock that the kernel has, or a call
    /// that this kind of processor has.
    func isPossible(landlockVersion: Int) -> Bool {
        switch (layers, expected) {
        case (.landlock(let version), _): landlockVersion == 0 || version <= landlockVersion
        case (_, .endsAt(let name)): unsafe seccomp_syscall_resolve_name(name) >= 0
        default: true
        }
    }

    /// Enters the layers, tries the thing, and ends the process with the answer as exit status.
    /// - Parameter address: Gets the number of a forbidden call.
    func perform(recordingAt address: UInt) -> Never {
        _ = alarm(Self.seconds)
        OwnProcess.endAtFatalSignals()
        // A program that can be executed would write to the self-test's own streams.
        for stream in 0...STDERR_FILENO { close(stream) }
        let prepared = prepare()
        do throws(SandboxError) {
            try enter(recordingAt: address)
        } catch {
            _exit(Self.notEntered)
        }
        let result = act(prepared)
        _exit(result < 0 ? errno : Self.succeeded)
    }

    private func enter(recordingAt address: UInt) throws(SandboxError) {
        switch layers {
        case .privileges: try Privileges.giveUp()
        case .landlock:
            try Privileges.giveUp()
            _ = try Landlock.enter()
        case .first, .both:
            let report = try Sandbox.enterFirstStage(
                recordingAt: address,
                allowsMissingLayers: true
            )
            if case .both = layers { try Sandbox.enterSecondStage(after: report) }
        }
    }
}
