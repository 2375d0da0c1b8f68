internal import ArgumentParser
internal import JSON

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
        case .text: print(text())
        }
    }
}
