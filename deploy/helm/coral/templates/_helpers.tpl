{{- /* The name of everything; it holds `coral`, by which the alerts know the job. */}}
{{- define "coral.name" -}}
{{- $release := .Release.Name | trunc 46 | trimSuffix "-" -}}
{{- ternary $release (printf "%s-coral" $release) (contains "coral" $release) -}}
{{- end }}

{{- define "coral.labels" -}}
app.kubernetes.io/name: coral
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "coral.selector" -}}
app.kubernetes.io/name: coral
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: daemon
{{- end }}

{{- /* The configuration as JSON, with what the chart asks for and its default where it is not set. */}}
{{- define "coral.settings" -}}
{{- $text := required "values.config: the configuration expected (--set-file config=coral.toml), got nothing" .Values.config -}}
{{- $read := fromToml $text -}}
{{- if hasKey $read "Error" -}}
{{- fail (printf "values.config: TOML expected, got %s" $read.Error) -}}
{{- end -}}
{{- $default := dict
  "kafka" (dict "group_id" "coral" "security_protocol" "PLAINTEXT")
  "input" (dict "feedback" "coral.feedback.v1" "changes" "coral.changes.v1")
  "alerts" (dict "topic" "coral.alerts.v1")
  "output" (dict "incidents" "coral.incidents.v1" "dead_letters" "coral.metrics.dlq.v1")
  "state" (dict "store" "kafka" "topic" "coral.state.v1" "publish" "at-least-once")
  "http" (dict "enabled" true "port" 8080 "path_prefix" "") -}}
{{- $settings := mergeOverwrite $default $read -}}
{{- if not $settings.input.topics -}}
{{- $_ := set $settings.input "topics" (dict "coral.metrics.v1" dict) -}}
{{- end -}}
{{- include "coral.check" (dict "settings" $settings "Values" .Values) -}}
{{- toJson $settings -}}
{{- end }}

{{- /* What does not fit together, in words. */}}
{{- define "coral.check" -}}
{{- $settings := .settings -}}
{{- if not $settings.kafka.bootstrap_servers -}}
{{- fail "values.config: kafka.bootstrap_servers expected, got nothing: localhost is no broker in a pod" -}}
{{- end -}}
{{- if not $settings.http.enabled -}}
{{- fail "values.config: http.enabled true expected, got false: the probes ask it" -}}
{{- end -}}
{{- if not .Values.image.repository -}}
{{- fail "values.image.repository: where the image is expected (`make image` builds it), got nothing" -}}
{{- end -}}
{{- $token := hasKey .Values.secrets "http.token" -}}
{{- if and .Values.ingress.host (not $token) -}}
{{- fail "values.secrets: `http.token` expected with ingress.host, got nothing: everybody could read" -}}
{{- end -}}
{{- if not (or .Values.networkPolicy.enabled $token) -}}
{{- fail "values.secrets: `http.token` expected without a network policy, got nothing: every pod could read" -}}
{{- end -}}
{{- if and (eq $settings.state.store "file") (or .Values.autoscaling.enabled (gt (int .Values.replicas) 1)) -}}
{{- fail "values.replicas: 1, or state.store kafka, expected with state.store file: a partition that moves would leave its state behind" -}}
{{- end -}}
{{- if and .Values.autoscaling.enabled (eq (dig "kafka" "sasl_mechanism" "" $settings) "OAUTHBEARER") -}}
{{- fail "values.autoscaling.enabled: false expected with kafka.sasl_mechanism OAUTHBEARER: the scaler's log-in is not made from it" -}}
{{- end -}}
{{- end }}

{{- define "coral.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- /* What the restricted Pod Security Standard asks of a pod, and of a container. */}}
{{- define "coral.podSecurity" -}}
automountServiceAccountToken: false
# Variables such as CORAL_HTTP_PORT, which Kubernetes sets for a Service of that name, would look like ours.
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "coral.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{- /* What the configuration leaves to the place where it runs. Variables win over the file. */}}
{{- define "coral.env" -}}
{{- $settings := include "coral.settings" . | fromJson -}}
{{- /* A name that the pod after this one has too, as exactly-once needs it. */ -}}
- name: CORAL_STATE__INSTANCE
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- {name: CORAL_STATE__STORE, value: {{ $settings.state.store }}}
{{- if eq $settings.state.store "file" }}
- {name: CORAL_STATE__DIRECTORY, value: /var/lib/coral}
{{- end }}
- {name: CORAL_HTTP__HOST, value: {{ dig "http" "host" "0.0.0.0" $settings | quote }}}
{{- if not (hasKey .Values.secrets "http.token") }}
- {name: CORAL_HTTP__ALLOW_WITHOUT_TOKEN, value: "true"} # the network policy says who may read
{{- end }}
{{- range $key, $_ := .Values.secrets }}
- name: CORAL_{{ trimSuffix "_file" $key | upper | replace "." "__" }}_FILE
  value: /etc/coral/{{ $key }}
{{- end }}
{{- if and .Values.autoscaling.enabled (dig "kafka" "sasl_username" "" $settings) }}
- {name: CORAL_KAFKA__SASL_USERNAME, value: {{ $settings.kafka.sasl_username | quote }}} # KEDA reads it here
{{- end }}
{{- end }}

{{- /* The configuration, and beside it a file for every secret. */}}
{{- define "coral.volumes" -}}
- name: configuration
  projected:
    defaultMode: 0440
    sources:
      - configMap: {name: {{ include "coral.name" . }}}
      {{- range $key, $secret := .Values.secrets }}
      - secret:
          name: {{ $secret.name }}
          items: [{key: {{ $secret.key | quote }}, path: {{ $key }}}]
      {{- end }}
{{- end }}

{{- define "coral.mounts" -}}
- {name: configuration, mountPath: /etc/coral, readOnly: true}
{{- end }}
