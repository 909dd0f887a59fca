//! The part of SARIF 2.1.0 that is written, with its names (`sarif-schema-2.1.0.json`).

use serde::Serialize;

#[derive(Serialize)]
pub struct Document {
    #[serde(rename = "$schema")]
    pub schema: &'static str,
    pub version: &'static str,
    pub runs: [Run; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    pub tool: Tool,
    pub invocations: [Invocation; 1],
    pub artifacts: Vec<Artifact>,
    pub results: Vec<Result>,
    pub column_kind: &'static str,
}

#[derive(Serialize)]
pub struct Tool {
    pub driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Driver {
    pub name: &'static str,
    pub semantic_version: &'static str,
    pub rules: Vec<Descriptor>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    pub id: String,
    pub name: String,
    pub short_description: Text,
    pub full_description: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<Help>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_configuration: Option<Configuration>,
}

#[derive(Serialize)]
pub struct Text {
    pub text: String,
}

#[derive(Serialize)]
pub struct Help {
    pub text: String,
    pub markdown: String,
}

#[derive(Serialize)]
pub struct Configuration {
    pub level: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Result {
    pub rule_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule_index: Option<usize>,
    pub kind: &'static str,
    pub level: &'static str,
    pub message: Message,
    pub locations: Vec<Location>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub related_locations: Vec<Location>,
    pub partial_fingerprints: Fingerprints,
    pub occurrence_count: u64,
    pub suppressions: Vec<Suppression>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline_state: Option<&'static str>,
    pub properties: CaseProperties,
}

#[derive(PartialEq, Serialize)]
pub struct Message {
    pub text: String,
}

#[derive(Serialize)]
pub struct Fingerprints {
    #[serde(rename = "tcptraceStatesCase/v1")]
    pub case: String,
    #[serde(rename = "primaryLocationLineHash")]
    pub location: String,
}

#[derive(Serialize)]
pub struct Suppression {
    pub kind: &'static str,
    pub status: &'static str,
    pub justification: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub properties: Option<SuppressionProperties>,
}

#[derive(Serialize)]
pub struct SuppressionProperties {
    pub expires: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CaseProperties {
    pub severity: &'static str,
    pub confidence: &'static str,
    pub service: Option<String>,
    pub endpoint: Option<&'static str>,
    pub connections: u64,
    pub count: u64,
    pub frequency: String,
    pub fails: bool,
    pub connection_ids: Vec<u64>,
}

#[derive(PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Location {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub physical_location: Option<PhysicalLocation>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub logical_locations: Vec<LogicalLocation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Message>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub properties: Option<ExampleProperties>,
}

#[derive(PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PhysicalLocation {
    pub artifact_location: ArtifactLocation,
    pub region: Region,
}

#[derive(PartialEq, Serialize)]
pub struct ArtifactLocation {
    pub uri: String,
}

#[derive(PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Region {
    pub start_line: u64,
}

#[derive(PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogicalLocation {
    pub name: String,
    pub fully_qualified_name: String,
    pub kind: &'static str,
}

#[derive(PartialEq, Serialize)]
pub struct ExampleProperties {
    pub connection: u64,
    pub client: String,
    pub server: String,
    pub packet: Option<u64>,
    pub time: Option<String>,
}

#[derive(PartialEq, Serialize)]
pub struct Artifact {
    pub location: ArtifactLocation,
    pub roles: [&'static str; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Invocation {
    pub execution_successful: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_execution_notifications: Vec<Notification>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_configuration_notifications: Vec<Notification>,
}

#[derive(Serialize)]
pub struct Notification {
    pub level: &'static str,
    pub message: Message,
}
