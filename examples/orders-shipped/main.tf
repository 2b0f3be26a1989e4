# The same as template.yaml in Terraform; plan.json is its plan in the form of `terraform show -json`, written by hand.
#   terraform plan -out plan && terraform show -json plan > plan.json
# One thing is done elsewhere: here every edit of a shipped order gets onto the bus, and the rules ask for the transition.
terraform {
  required_providers {
    aws     = { source = "hashicorp/aws", version = "~> 5.90" }
    archive = { source = "hashicorp/archive", version = "~> 2.7" }
  }
}

variable "index" {
  type        = string
  description = "The sink that stands in for the search index."
  default     = "sqlite:////tmp/orders-index.sqlite3?table=orders"
}

variable "archive" {
  type        = string
  description = "A bucket's name, of which there is one in the world."
  default     = "orders-archive-000000000000"
}

resource "aws_dynamodb_table" "orders" {
  name             = "orders"
  billing_mode     = "PAY_PER_REQUEST"
  hash_key         = "pk"
  stream_enabled   = true
  stream_view_type = "NEW_AND_OLD_IMAGES" # a transition is seen only where both images are
  attribute {
    name = "pk"
    type = "S"
  }
}

# ---- the pipe: what is worth telling. Its filter asks what an order is, not what happened to it: a new address of a parcel
# that is on its way passes, too. It has no input template, so that the detail is the whole record.

resource "aws_pipes_pipe" "orders_shipped" {
  name     = "orders-shipped-to-bus"
  role_arn = aws_iam_role.pipe.arn
  source   = aws_dynamodb_table.orders.stream_arn
  target   = aws_cloudwatch_event_bus.commerce.arn

  source_parameters {
    dynamodb_stream_parameters {
      starting_position                  = "LATEST"
      batch_size                         = 100
      maximum_batching_window_in_seconds = 5
      maximum_retry_attempts             = 4
      on_partial_batch_item_failure      = "AUTOMATIC_BISECT"
      dead_letter_config {
        arn = aws_sqs_queue.pipe_dlq.arn
      }
    }
    filter_criteria {
      filter {
        pattern = jsonencode({
          eventName = ["MODIFY"]
          dynamodb  = { NewImage = { status = { S = ["SHIPPED"] } } }
        })
      }
    }
  }
}

# Only what never got onto the bus. What a consumer did not take is in the consumer's own queue.
resource "aws_sqs_queue" "pipe_dlq" {
  name                      = "orders-pipe-dlq"
  message_retention_seconds = 1209600
}

resource "aws_iam_role" "pipe" {
  name = "orders-shipped-pipe"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "pipes.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}

resource "aws_iam_role_policy" "pipe" {
  name = "orders-shipped"
  role = aws_iam_role.pipe.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"]
        Resource = aws_dynamodb_table.orders.stream_arn
      },
      { Effect = "Allow", Action = "events:PutEvents", Resource = aws_cloudwatch_event_bus.commerce.arn },
      { Effect = "Allow", Action = "sqs:SendMessage", Resource = aws_sqs_queue.pipe_dlq.arn },
    ]
  })
}

# ---- the bus: who wants it. One rule, budget and queue for each consumer (consumer/main.tf)

resource "aws_cloudwatch_event_bus" "commerce" {
  name = "commerce"
}

resource "aws_cloudwatch_event_archive" "shipped" { # what can be sent again to everybody; nothing changes then
  name             = "orders-shipped"
  event_source_arn = aws_cloudwatch_event_bus.commerce.arn
  event_pattern    = jsonencode({ source = ["Pipe orders-shipped-to-bus"] })
  retention_days   = 30
}

locals {
  shipped = jsonencode({
    source      = ["Pipe orders-shipped-to-bus"] # what a pipe says that was not told otherwise
    detail-type = ["Event from aws:dynamodb"]
    detail      = { dynamodb = { OldImage = { status = { S = [{ anything-but = ["SHIPPED"] }] } } } }
  })
}

data "archive_file" "consumers" {
  type        = "zip"
  source_dir  = "./src"
  output_path = "./build/consumers.zip"
}

module "search" {
  source      = "./consumer"
  name        = "search"
  bus         = aws_cloudwatch_event_bus.commerce.name
  pattern     = local.shipped
  code        = data.archive_file.consumers.output_path
  environment = { INDEX = var.index }
  retries     = 10 # an index is fresh, or built anew
  age_s       = 3600
}

module "archive" {
  source      = "./consumer"
  name        = "archive"
  bus         = aws_cloudwatch_event_bus.commerce.name
  pattern     = local.shipped
  code        = data.archive_file.consumers.output_path
  environment = { ARCHIVE = var.archive }
  retries     = 185 # as long as it takes
  age_s       = 86400
  may         = { actions = ["s3:PutObject"], resource = "arn:aws:s3:::${var.archive}/*" }
}

module "analytics" {
  source      = "./consumer"
  name        = "analytics"
  bus         = aws_cloudwatch_event_bus.commerce.name
  pattern     = local.shipped
  code        = data.archive_file.consumers.output_path
  environment = { SHIPMENTS = "dynamodb://shipments" }
  retries     = 30 # in time for the nightly report
  age_s       = 21600
  may = {
    actions  = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
    resource = aws_dynamodb_table.shipments.arn
  }
}

# ---- what the consumers write to

resource "aws_dynamodb_table" "shipments" {
  name         = "shipments"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "pk"
  attribute {
    name = "pk"
    type = "S"
  }
  ttl { # of tombstones (docs/sinks.md)
    attribute_name = "_expires"
    enabled        = true
  }
}

resource "aws_s3_bucket" "archive" {
  bucket = var.archive
}
