{ config, ... }:
{
  services.stalwart-mail.settings = {
    queue.strategy.route = [
      { "if" = "is_local_domain('*', rcpt_domain)"; "then" = "'local'"; }
      { "else" = "'provider'"; }
    ];
    queue.route.provider = { type = "relay"; address = "smtp.example.net"; };
  };
}
