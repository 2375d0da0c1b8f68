internal import ArgumentParser
internal import JSON
internal import Text

/// How results are written.
struct OutputOptions: ParsableArguments {
    enum Format: String, ExpressibleByArgument, CaseIterable {
        case text
        case json
    }

    @Option(help: "text for people, json for programs.")
    var format = Format.text

    /// Writes a result: one JSON object, or what `text` says.
    func write(_ json: @autoclosure () -> JSONValue, text: () -> String) {
        switch format {
        case .json: print(json().text)
        case .text: StandardOutput.write(text())
        }
    }
}

/// The result of a command, for people.
enum StandardOutput {
    /// Writes lines. What a terminal would take for a command is escaped.
    static func write(_ text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        print(lines.map { String($0).escaped }.joined(separator: "\n"))
    }
}
